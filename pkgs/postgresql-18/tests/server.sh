# A cluster is made, keeps a table over a restart, and is dumped.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
cd "$(mktemp -d)"
export PGDATA=$PWD/data PGHOST=$PWD PGUSER=postgres
check version "postgres (PostgreSQL) $VERSION" "$(postgres --version)"
initdb --auth=trust --username=postgres --no-sync > log
start() { pg_ctl --silent --wait --log=server.log --options="-c listen_addresses= -c unix_socket_directories=$PWD -c fsync=off" start || { cat server.log >&2; exit 1; }; }
start
psql -qc "create table t (id int primary key, word text)" postgres
psql -qc "insert into t select n, 'word ' || n from generate_series(1, 100) n" postgres
pg_ctl --silent --wait --mode=fast stop
start
check rows 100 "$(psql -Atc "select count(*) from t" postgres)"
check extension 1 "$(psql -qAtc "create extension pgcrypto" -c "select count(*) from pg_extension where extname = 'pgcrypto'" postgres)"
check zone "2026-07-01 12:00:00+02" "$(psql -Atc "set timezone = 'Europe/Berlin'" -c "select timestamptz '2026-07-01 10:00Z'" postgres | tail -n 1)"
pg_dump postgres | grep -q "CREATE TABLE public.t"
pg_ctl --silent --wait --mode=fast stop
