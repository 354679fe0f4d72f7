# Strips the ELF files of /build/src into the folder $1; with `debug` as $2 their symbols go to usr/lib/debug.
set -eu
out=$1
debug=$2
cp -a /build/src/. "$out/"
cd "$out"
find . -type f | sort | while read -r file; do
	magic=$(head -c 7 "$file" | od -An -tx1 | tr -d ' \n')
	case $magic in
	7f454c46*) ;;
	213c617263683e) strip --strip-debug --enable-deterministic-archives "$file"; continue ;;
	*) continue ;;
	esac
	type=$(readelf -h "$file" | sed -n 's/^ *Type: *\([A-Z]*\).*/\1/p')
	if [ "$type" = REL ]; then
		strip --strip-debug --enable-deterministic-archives "$file"
		continue
	fi
	if [ "$debug" = debug ]; then
		id=$(readelf -n "$file" | sed -n 's/^ *Build ID: *//p')
		if [ -n "$id" ]; then
			folder=usr/lib/debug/.build-id/$(printf %.2s "$id")
			mkdir -p "$folder"
			objcopy --only-keep-debug --compress-debug-sections "$file" "$folder/${id#??}.debug"
		fi
	fi
	strip --strip-all --remove-section=.comment "$file"
done
