# Filters, regular expressions and numbers.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "jq-$VERSION" "$(jq --version)"
check filter '["b"]' "$(printf '{"a":[{"k":"b"},{"k":"c"}]}' | jq -c '[.a[] | select(.k == "b") | .k]')"
check regex '{"n":"12"}' "$(printf '"a12"' | jq -c 'capture("(?<n>[0-9]+)")')"
check number 100000000000000000000000001 "$(printf 100000000000000000000000001 | jq .)"
