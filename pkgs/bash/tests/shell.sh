# What no other shell has.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version 5.3 "$(bash -c 'echo ${BASH_VERSINFO[0]}.${BASH_VERSINFO[1]}')"
check arrays "3 c" "$(bash -c 'a=(a b c); echo ${#a[@]} ${a[2]}')"
check regex abc "$(bash -c '[[ xabcx =~ a.c ]] && echo ${BASH_REMATCH[0]}')"
check substitution "a b" "$(bash -c 'cat <(echo a) <(echo b)' | xargs)"
