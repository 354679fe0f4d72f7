# Compiles one test program. Arguments: output, source, perhaps a folder with what packages under test install; the libraries
# follow from the first line of the source, `// link: -lz`.
set -eu
out=$1
source=$2
shift 2
libraries=$(sed -n '1s|^// link: *||p' "$source")
flags=
for tree in "$@"; do
	flags="$flags -isystem $tree/usr/include -L$tree/usr/lib -Wl,-rpath-link,$tree/usr/lib"
done
# shellcheck disable=SC2086 # flags are words
exec $CC $CFLAGS $LDFLAGS -o "$out" "$source" $flags $libraries
