# Files by pattern and by extension, and a command for each.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
cd "$(mktemp -d)"
check version "fd $VERSION" "$(fd --version)"
mkdir folder
: > folder/a.txt
: > folder/b.rs
: > .hidden.txt
check extension folder/a.txt "$(fd -e txt)"
check pattern folder/b.rs "$(fd "^b")"
check hidden 2 "$(fd -H -e txt | grep -c txt)"
check command "got ./folder/b.rs" "$(fd -e rs -x echo got {})"
