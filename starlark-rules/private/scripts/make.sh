# make && make install in the source tree. Arguments: -- make's -- install's -- lines after.
set -eu
step=0
make= install= after=
quote() { printf "'%s' " "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }
for argument in "$@"; do
	case $argument in
	--)
		step=$((step + 1))
		continue
		;;
	esac
	case $step in
	1) make="$make$(quote "$argument")" ;;
	2) install="$install$(quote "$argument")" ;;
	3) after="$after$argument
" ;;
	esac
done
cd "/build/src/$FOLDER"
eval "make $make"
eval "make DESTDIR=\"\$DESTDIR\" $install"
export DESTDIR
eval "$after"
