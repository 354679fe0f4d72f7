# The programs, by what they print and make.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "gzip $VERSION" "$(gzip --version | head -n 1)"
check roundtrip text "$(echo text | gzip -9 | gzip -d)"
