# Patterns become a scanner.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
cd "$(mktemp -d)"
check version "flex $VERSION" "$(flex --version)"
printf '%%option noyywrap\n%%%%\n[0-9]+ return 1;\n%%%%\n' > scan.l
flex -o scan.c scan.l
check scanner 1 "$(grep -c 'define YY_DECL int yylex (void)' scan.c)"
