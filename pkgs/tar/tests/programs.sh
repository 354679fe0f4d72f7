# The programs, by what they print and make.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
check version "tar (GNU tar) $VERSION" "$(tar --version | head -n 1)"
mkdir -p a && echo text > a/file && ln -s file a/link
tar -cf a.tar a && rm -r a && tar -xf a.tar
check content text "$(cat a/link)"
check list "a/ a/file a/link" "$(tar -tf a.tar | sort | xargs)"
