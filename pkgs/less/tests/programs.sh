# The programs, by what they print and make.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "less $VERSION" "$(less --version | head -n 1 | cut -d" " -f1-2)"
check pipe text "$(echo text | less)"
