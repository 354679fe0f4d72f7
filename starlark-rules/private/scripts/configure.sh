# ./configure && make && make install, then shell lines. Arguments: -- configure's -- make's -- install's -- lines.
set -eu
step=0
configure= make= install= after=
quote() { printf "'%s' " "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }
for argument in "$@"; do
	case $argument in
	--)
		step=$((step + 1))
		continue
		;;
	esac
	case $step in
	1) configure="$configure$(quote "$argument")" ;;
	2) make="$make$(quote "$argument")" ;;
	3) install="$install$(quote "$argument")" ;;
	4) after="$after$argument
" ;;
	esac
done
mkdir -p "/build/$FOLDER"
cd "/build/$FOLDER"
eval "/build/src/configure --prefix=/usr --sysconfdir=/etc --localstatedir=/var $configure"
eval "make $make"
eval "make DESTDIR=\"\$DESTDIR\" $install"
export DESTDIR
eval "$after"
