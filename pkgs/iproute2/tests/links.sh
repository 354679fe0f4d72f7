# The one link of the sandbox and its address are listed.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
ip -V | grep -q "iproute2-$VERSION"
check link lo "$(ip -brief link show lo | cut -d " " -f 1)"
ip address show lo | grep -q 127.0.0.1
ss -l > /dev/null
