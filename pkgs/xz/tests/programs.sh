# The programs, by what they print and make.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "xz (XZ Utils) $VERSION" "$(xz --version | head -n 1)"
check roundtrip "some text" "$(echo "some text" | xz -9 | xz -d)"
check xzcat "some text" "$(echo "some text" | xz | xzcat)"
