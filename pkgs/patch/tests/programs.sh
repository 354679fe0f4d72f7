# The programs, by what they print and make.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
echo a > file
printf -- "--- a/file\n+++ b/file\n@@ -1 +1 @@\n-a\n+b\n" | patch -p1
check applied b "$(cat file)"
if printf -- "--- a/file\n+++ b/file\n@@ -1 +1 @@\n-x\n+y\n" | patch --dry-run -f -p1; then exit 1; fi
