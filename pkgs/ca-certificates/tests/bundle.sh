# The bundle is whole: as many ends as beginnings, every certificate decodes to DER, the usual roots are in it.
set -eu
bundle=/etc/ssl/certs/ca-certificates.crt
begins=$(grep -c '^-----BEGIN CERTIFICATE-----$' $bundle)
ends=$(grep -c '^-----END CERTIFICATE-----$' $bundle)
test "$begins" -eq "$ends"
test "$begins" -ge 100
test "$(cmp /etc/ssl/cert.pem $bundle && echo same)" = same
grep -v -- '^-----' $bundle | grep -qv '^[A-Za-z0-9+/=]*$' && exit 1
awk '/^-----BEGIN/ { n++; file = sprintf("/tmp/%03d.b64", n); next } /^-----END/ { close(file); next } { print > file }' $bundle
for file in /tmp/*.b64; do
	test "$(base64 -d "$file" | head -c 1 | od -An -tx1 | tr -d ' ')" = 30
	base64 -d "$file"
done > /tmp/all.der
for root in "ISRG Root X1" "DigiCert Global Root G2" "GTS Root R1"; do
	grep -qa "$root" /tmp/all.der || { echo "missing: $root" >&2; exit 1; }
done
