# A grammar becomes a parser in C, and one that is wrong is refused.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
cd "$(mktemp -d)"
check version "bison (GNU Bison) $VERSION" "$(bison --version | head -n 1)"
printf "%%%%\nlist: | list 'a' ;\n" > list.y
bison -o list.c list.y
grep -q yyparse list.c
printf "%%%%\nlist: missing ;\n" > wrong.y
if bison -o wrong.c wrong.y 2> log; then
	echo "a grammar with an unknown symbol was taken" >&2
	exit 1
fi
grep -q missing log
