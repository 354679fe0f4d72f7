# Compiles one test program. Arguments: output, source; the libraries follow from the first line of the
# source, `// link: -lz`.
set -eu
libraries=$(sed -n '1s|^// link: *||p' "$2")
# shellcheck disable=SC2086 # flags are words
exec $CC $CFLAGS $LDFLAGS -o "$1" "$2" $libraries
