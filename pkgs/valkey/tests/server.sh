# The server, asked by its client.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
valkey-server --port 6390 --save "" --daemonize yes > /dev/null
for attempt in 1 2 3 4 5 6 7 8 9 10; do valkey-cli -p 6390 ping > /dev/null 2>&1 && break; sleep 1; done
check set OK "$(valkey-cli -p 6390 set key value)"
check get value "$(valkey-cli -p 6390 get key)"
check version "$VERSION" "$(valkey-cli -p 6390 info server | sed -n "s/^valkey_version:\([0-9.]*\).*/\1/p")"
valkey-cli -p 6390 shutdown nosave
