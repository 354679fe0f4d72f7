# Fields, arrays in order, and numbers longer than a machine's.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "GNU Awk $VERSION" "$(gawk --version | head -n 1 | cut -d , -f 1)"
check fields 6 "$(printf "1 2\n3 4\n" | awk '{ sum += $2 } END { print sum }')"
check order "a b c" "$(gawk 'BEGIN { t["c"]; t["a"]; t["b"]; PROCINFO["sorted_in"] = "@ind_str_asc"; for (i in t) printf "%s%s", (n++ ? " " : ""), i; print "" }')"
check long 1267650600228229401496703205376 "$(gawk -M 'BEGIN { print 2 ^ 100 }')"
check time 1970-01-01 "$(gawk 'BEGIN { print strftime("%F", 0, 1) }')"
