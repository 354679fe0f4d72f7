# The programs, by what they print and make.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "sed (GNU sed) $VERSION" "$(sed --version | head -n 1)"
check script "b-a" "$(echo a-b | sed -E "s/(.)-(.)/\2-\1/")"
echo one > file
sed -i s/one/two/ file
check in-place two "$(cat file)"
