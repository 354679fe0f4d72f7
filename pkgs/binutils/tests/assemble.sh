# A program is assembled, linked, run, read and stripped.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
cd "$(mktemp -d)"
check version "GNU ld (GNU Binutils) $VERSION" "$(ld --version | head -n 1)"
cat > seven.s << 'END'
.globl _start
_start:
	mov $60, %eax
	mov $7, %edi
	syscall
END
as -o seven.o seven.s
ld -o seven seven.o
status=0
./seven || status=$?
check status 7 "$status"
check symbol 1 "$(nm seven | grep -c " T _start")"
check machine X86-64 "$(readelf -h seven | sed -n "s/.*Machine:.* //p")"
strip seven
check stripped 0 "$(nm seven 2> /dev/null | grep -c _start)"
ar rcD seven.a seven.o
check archive seven.o "$(ar t seven.a)"
