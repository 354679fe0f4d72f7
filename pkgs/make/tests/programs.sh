# Only what is out of date is made, and a jobserver is shared.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
cd "$(mktemp -d)"
printf 'all: a b\na b: in\n\t@echo made $@; cp in $@\n' > Makefile
echo text > in
check version "GNU Make $VERSION" "$(make --version | head -1)"
check first "made a made b" "$(echo $(make -j1))"
check second "make: Nothing to be done for 'all'." "$(make)"
check jobs 1 "$(printf 'all:\n\t@echo $(MAKEFLAGS)\n' | make -j2 -f - | grep -c jobserver-auth)"
