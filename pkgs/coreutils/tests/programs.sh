# The programs, by what they print and make.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "ls (GNU coreutils) $VERSION" "$(/usr/bin/ls --version | head -n 1)"
check sort "1 2 10" "$(printf "10\n2\n1\n" | sort -n | xargs)"
check date 2001-09-09 "$(date -u -d @1000000000 +%F)"
check sha256sum e3b0c442 "$(sha256sum /dev/null | cut -c1-8)"
