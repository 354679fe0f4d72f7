# Passes the status of its child on, and reaps.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "tini version $VERSION" "$(tini --version)"
status=0
tini -s -- sh -c "exit 7" || status=$?
check status 7 "$status"
