# A file, and a page of a server on loopback.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
cd "$(mktemp -d)"
check version "curl $VERSION" "$(curl --version | sed -n "1s/ (.*//p")"
check features 1 "$(curl --version | grep -c "HTTP2 .*SSL")"
echo text > a
check file text "$(curl -s "file://$PWD/a")"
printf 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\npage\n' > answer
nc -l -p 8081 < answer > request &
sleep 1
check page page "$(curl -s http://127.0.0.1:8081/path)"
check request "GET /path HTTP/1.1" "$(head -1 request | tr -d '\r')"
