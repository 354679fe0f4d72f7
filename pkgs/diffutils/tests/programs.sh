# The programs, by what they print and make.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "diff (GNU diffutils) $VERSION" "$(diff --version | head -n 1)"
echo a > one && echo b > two
check diff "< a" "$(diff one two | grep "^<")"
if cmp -s one two; then exit 1; fi
