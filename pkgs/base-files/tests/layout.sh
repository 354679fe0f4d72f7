# The aliases of the merged /usr, the accounts, and what scanners read.
set -eu
for alias in bin sbin lib lib64; do
	test "$(readlink /$alias)" = usr/$alias
done
test "$(awk -F: '$1 == "nonroot" { print $3 ":" $4 ":" $6 }' /etc/passwd)" = 65532:65532:/home/nonroot
test "$(awk -F: '$3 == 0 { print $1 }' /etc/passwd)" = root
. /etc/os-release
for value in "$ID" "$VERSION_ID" "$NAME" "$PRETTY_NAME" "$HOME_URL"; do
	test -n "$value"
done
test "$ID" = wizos
grep -q '^hosts: files dns$' /etc/nsswitch.conf
