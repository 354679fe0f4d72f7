# The programs, by what they print and make.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "file-$VERSION" "$(file --version | head -n 1)"
check script "POSIX shell script, ASCII text executable" "$(printf "#!/bin/sh\necho\n" | file -b -)"
check elf ELF "$(file -bL /usr/bin/file | cut -d" " -f1)"
