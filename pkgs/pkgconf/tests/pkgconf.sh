# A file of a library, read.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "$VERSION" "$(pkgconf --version)"
printf "Name: x\nDescription: x\nVersion: 2\nLibs: -L/opt/x -lx\nCflags: -DX\n" > x.pc
export PKG_CONFIG_PATH="$PWD"
check libs "-L/opt/x -lx" "$(pkgconf --libs x | xargs)"
pkgconf --atleast-version=2 x
if pkgconf --atleast-version=3 x; then exit 1; fi
