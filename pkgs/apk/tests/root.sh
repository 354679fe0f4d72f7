# An empty root is begun, listed and checked, and what is no package is refused.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
cd "$(mktemp -d)"
mkdir root
apk --root root --arch x86_64 --usermode --initdb --no-network add
check database 1 "$(find root -name installed | grep -c .)"
check list "" "$(apk --root root --no-network list --installed)"
check order "<" "$(apk version -t 1.2.3-r0 1.10-r0)"
echo text > wrong.apk
if apk verify wrong.apk 2> log; then
	echo "a text was taken for a package" >&2
	exit 1
fi
