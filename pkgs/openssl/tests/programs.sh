# A key signs, its certificate verifies.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
folder=$(mktemp -d)
check version "OpenSSL $VERSION" "$(openssl version | cut -d" " -f1,2)"
openssl req -x509 -newkey ed25519 -nodes -keyout "$folder/key" -out "$folder/cert" -subj /CN=test -days 2 2> /dev/null
check verify "$folder/cert: OK" "$(openssl verify -CAfile "$folder/cert" "$folder/cert")"
check digest "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" "$(printf abc | openssl dgst -sha256 -r | cut -d" " -f1)"
