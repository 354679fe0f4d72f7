"""Writes the certificates that Mozilla trusts for TLS servers as one PEM file.

usage: bundle.py certdata.txt blacklist.txt > ca-certificates.crt

Needs Python's built-in modules only. The order is that of the labels, so it does not depend on
where a certificate stands in certdata.txt. Expiry is not looked at: there is no clock here.
"""

import binascii
import sys


def objects(path):
    """Yields the objects of certdata.txt as dicts; octal values are bytes, others the text after the type."""
    current, field, octal = {}, None, None
    started = False
    for line in open(path, encoding="utf-8"):
        line = line.strip()
        if octal is not None:
            if line == "END":
                current[field] = bytes(octal)
                octal = None
            else:
                octal.extend(int(digits, 8) for digits in line.split("\\")[1:])
        elif not started:
            started = line.startswith("BEGINDATA")
        elif not line or line.startswith("#"):
            if current and not line:
                yield current
                current = {}
        else:
            field, kind, *rest = line.split(" ", 2)
            current[field] = rest[0] if rest else None
            if kind == "MULTILINE_OCTAL":
                octal = bytearray()
    if current:
        yield current


def pem(der):
    """The DER bytes as a PEM certificate with lines of 64 characters."""
    text = binascii.b2a_base64(der, newline=False).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def main(certdata, blacklist):
    refused = {line.split("#")[0].strip() for line in open(blacklist, encoding="utf-8")}
    trusted, certificates = set(), []
    for entry in objects(certdata):
        # An issuer and a serial number name a certificate; two may share a label.
        key = (entry.get("CKA_ISSUER"), entry.get("CKA_SERIAL_NUMBER"))
        label = entry.get("CKA_LABEL")
        if entry["CKA_CLASS"] == "CKO_NSS_TRUST":
            if entry["CKA_TRUST_SERVER_AUTH"] == "CKT_NSS_TRUSTED_DELEGATOR" and label not in refused:
                trusted.add(key)
        elif entry["CKA_CLASS"] == "CKO_CERTIFICATE":
            certificates.append((label, entry["CKA_VALUE"], key))
    chosen = sorted((label, der) for label, der, key in certificates if key in trusted)
    if len(chosen) < 100:
        sys.exit(f"only {len(chosen)} trusted certificates found in {certdata}: has its format changed?")
    sys.stdout.write("".join(pem(der) for _, der in chosen))


main(*sys.argv[1:])
