# The programs, by what they print and make.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "grep (GNU grep) $VERSION" "$(grep --version | head -n 1)"
check count 2 "$(printf "a\nb\nab\n" | grep -c a)"
check perl b "$(echo abc | grep -oP "(?<=a)b")"
if echo a | grep -q b; then exit 1; fi
