# Runs each argument as a shell line in the source tree; the first that fails ends it.
set -eu
export DESTDIR IN=/build/in
cd "/build/src/$FOLDER"
shift # the leading `--`
for line in "$@"; do
	printf '+ %s\n' "$line"
	eval "$line"
done
