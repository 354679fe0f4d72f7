# Takes out of $1 what is not packaged: profiling and tracing helpers that want perl or bash, databases of
# the long gone libnss_db, hard links of getconf, locale folders without messages, and the cache that `make install` writes.
set -eu
cd "$1"
rm -r usr/lib/getconf usr/lib/audit usr/share/locale var
rm etc/ld.so.cache usr/lib/libpcprofile.so usr/lib/libmemusage.so sbin/sln
rm usr/bin/makedb usr/bin/mtrace usr/bin/pcprofiledump usr/bin/sotruss usr/bin/sprof usr/bin/tzselect usr/bin/xtrace
rm usr/lib/libnss_db.so usr/lib/libnss_db.so.2 usr/lib/libnss_hesiod.so usr/lib/libnss_hesiod.so.2
