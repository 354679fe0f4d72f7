# Applies patches to /build/src and copies the result. Arguments: output folder, patches.
set -eu
out=$1
shift
cd /build/src
for file in "$@"; do
	printf 'applying %s\n' "${file##*/}"
	patch --forward --batch --fuzz=0 --no-backup-if-mismatch -p1 -i "$file"
done
cp -a /build/src/. "$out/"
