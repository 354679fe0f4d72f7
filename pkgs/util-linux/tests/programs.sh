# Programs that need no privileges, one of each library.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
cd "$(mktemp -d)"
check version "flock from util-linux $VERSION" "$(flock --version)"
check lock inside "$(flock lock echo inside)"
check hexdump "0000000 61 62 63" "$(printf abc | hexdump -e '"%07_ax" 3/1 " %02x"')"
check options " -a -- 'b c'" "$(getopt -o a -- "b c" -a)"
check uuid 5 "$(uuidgen | tr - "\n" | grep -c .)"
truncate -s 1M disk
printf "label: gpt\n,,L\n" | sfdisk -q disk
check partitions 1 "$(sfdisk -d disk | grep -c "^disk")"
check rev cba "$(printf abc | rev)"
check columns "a  b" "$(printf "a b\n" | column -t)"
