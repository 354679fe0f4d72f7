# Matches with places, what `.gitignore` names left out.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
cd "$(mktemp -d)"
check version "ripgrep $VERSION" "$(rg --version | head -n 1 | cut -d " " -f 1,2)"
mkdir -p a/.git a/skipped
echo /skipped > a/.gitignore
echo "one two" > a/file
echo "two" > a/skipped/file
check match "a/file:1:one two" "$(rg -n two a)"
check unicode 1 "$(printf "straße\n" | rg -c "\p{L}+ße")"
status=0
rg -q three a || status=$?
check none 1 "$status"
