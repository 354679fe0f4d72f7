# A page is served as it stands on disk, and what is not there is not found.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
folder=$(mktemp -d)
check version "nginx version: nginx/$VERSION" "$(nginx -v 2>&1)"
mkdir "$folder/pages"
echo hello > "$folder/pages/a.txt"
cp /etc/nginx/mime.types "$folder"
mkdir "$folder/conf.d"
sed "s|/usr/share/nginx/html|$folder/pages|" /etc/nginx/conf.d/default.conf > "$folder/conf.d/default.conf"
sed "s|/etc/nginx/conf.d|$folder/conf.d|" /etc/nginx/nginx.conf > "$folder/nginx.conf"
nginx -c "$folder/nginx.conf" -g "daemon off;" > "$folder/log" 2>&1 &
for attempt in 1 2 3 4 5 6 7 8 9 10; do wget -q -O /dev/null http://127.0.0.1:8080/a.txt 2> /dev/null && break; sleep 1; done
check page hello "$(wget -q -O - http://127.0.0.1:8080/a.txt || cat "$folder/log")"
check missing 1 "$(wget -O - http://127.0.0.1:8080/b.txt 2>&1 | grep -c "404 Not Found")"
kill %1 2> /dev/null || kill $!
