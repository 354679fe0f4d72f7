# Compiles the zones of the source tree into $1/usr/share/zoneinfo: slim files, aliases as links to them.
set -eu
zoneinfo=$1/usr/share/zoneinfo
mkdir -p "$zoneinfo"
cat africa antarctica asia australasia europe northamerica southamerica etcetera factory backward > all
grep -v '^Link' all > zones
zic -b slim -d "$zoneinfo" zones
grep '^Link' all | while read -r _ target name _; do
	mkdir -p "$(dirname "$zoneinfo/$name")"
	ln -sr "$zoneinfo/$target" "$zoneinfo/$name"
done
cp iso3166.tab zone.tab zone1970.tab "$zoneinfo/"
