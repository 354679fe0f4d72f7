# The programs, by what they print and make.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "find (GNU findutils) $VERSION" "$(find --version | head -n 1)"
mkdir -p a/b && touch a/b/x a/y
check find "a/b/x" "$(find a -name x)"
check xargs "1 2 3" "$(printf "1\n2\n3\n" | xargs echo)"
