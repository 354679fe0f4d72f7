# Every module in C that a script may expect, a database, TLS, and pip.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
cd "$(mktemp -d)"
# Before it is run, for it keeps what it compiles.
check caches "" "$(find /usr/lib/python3.13 -name "*.pyc")"
check version "Python $VERSION" "$(python3 --version)"
check sum 3 "$(python3 -c "print(1 + 2)")"
python3 -c "import bz2, ctypes, curses, decimal, hashlib, lzma, multiprocessing, readline, sqlite3, ssl, uuid, zlib, zoneinfo"
check sqlite 7 "$(python3 -c "import sqlite3; print(sqlite3.connect(':memory:').execute('select 3 + 4').fetchone()[0])")"
check ctypes 5 "$(python3 -c "import ctypes; print(ctypes.CDLL(None).abs(-5))")"
check tls 772 "$(python3 -c "import ssl; print(ssl.TLSVersion.TLSv1_3.value)")"
check digest ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad "$(python3 -c "import hashlib; print(hashlib.sha256(b'abc').hexdigest())")"
python3 -m venv --without-pip env
check venv True "$(env/bin/python -c "import sys; print(sys.prefix != sys.base_prefix)")"
pip3 --version
