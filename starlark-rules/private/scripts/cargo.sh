# cargo build, offline, with the crates in `vendor`. Arguments: -- programs -- cargo's -- `name-version sha256` of crates -- lines before -- lines after.
set -eu
step=0
programs= flags= before= after=
export CARGO_HOME=/tmp/cargo CARGO_TARGET_DIR=/build/target CARGO_INCREMENTAL=0 CARGO_NET_OFFLINE=true CARGO_TERM_COLOR=never
cd "/build/src/$FOLDER"
quote() { printf "'%s' " "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }
for argument in "$@"; do
	case $argument in
	--)
		step=$((step + 1))
		continue
		;;
	esac
	case $step in
	1) programs="$programs $argument" ;;
	2) flags="$flags$(quote "$argument")" ;;
	# What cargo wants to see of a vendored crate: the checksum in the lock file.
	3) printf '{"files":{},"package":"%s"}' "${argument#* }" > "/build/src/vendor/${argument% *}/.cargo-checksum.json" ;;
	4) before="$before$argument
" ;;
	5) after="$after$argument
" ;;
	esac
done
without_tests() {
	find . -path ./vendor -prune -o -name Cargo.toml -print | while read -r manifest; do
		sed -i -e '/^\[\[test\]\]/,/^$/d' -e '/^\[\[bench\]\]/,/^$/d' -e '/^\[dev-dependencies\]/,/^$/d' "$manifest"
	done
}
mkdir -p "$CARGO_HOME"
cat > "$CARGO_HOME/config.toml" << 'END'
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "/build/src/vendor"
END
# The unwinder is linked in: no package has libgcc_s.
mkdir -p /tmp/libgcc
echo 'GROUP ( -lgcc_eh -lgcc )' > /tmp/libgcc/libgcc_s.so
# Position-independent, relro and immediate binding are the compiler's own defaults.
export RUSTFLAGS="-L native=/tmp/libgcc -C debuginfo=2 -C force-frame-pointers=yes -C linker=gcc --remap-path-prefix=/build/src=/usr/src/debug"
eval "$before"
for program in $programs; do
	eval "cargo build --release --bin $program $flags"
	mkdir -p "$DESTDIR/usr/bin"
	cp "$CARGO_TARGET_DIR/release/$program" "$DESTDIR/usr/bin/$program"
done
export DESTDIR
eval "$after"
