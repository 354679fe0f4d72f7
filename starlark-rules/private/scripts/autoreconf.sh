# Makes `configure` and what belongs to it in /build/src and copies the result. Arguments: output folder.
set -eu
out=$1
cd /build/src
autoreconf --force --install --warnings=none
rm -rf autom4te.cache
cp -a /build/src/. "$out/"
