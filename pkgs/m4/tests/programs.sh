# The programs, by what they print and make.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "m4 (GNU M4) $VERSION" "$(m4 --version | head -n 1)"
check macro "a-b" "$(echo "define(\`x', \`\$1-\$2')x(a,b)" | m4)"
