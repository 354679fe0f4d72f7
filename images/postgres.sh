#!/bin/sh
# Starts what it is told to. Before a server is started for the first time, makes its database cluster, as the environment says:
#   POSTGRES_PASSWORD            of the first user; needed unless POSTGRES_HOST_AUTH_METHOD is `trust`
#   POSTGRES_PASSWORD_FILE       a file that has it
#   POSTGRES_USER                its name, `postgres` unless said
#   POSTGRES_DB                  a database, named as the user unless said
#   POSTGRES_INITDB_ARGS         more arguments of initdb
#   POSTGRES_HOST_AUTH_METHOD    how clients over the network prove who they are, `scram-sha-256` unless said
# and runs the .sh, .sql and .sql.gz files of /docker-entrypoint-initdb.d in order.
set -eu

case ${1:-} in
postgres) ;;
-*) set -- postgres "$@" ;;
*) exec "$@" ;;
esac

if [ ! -s "$PGDATA/PG_VERSION" ]; then
	user=${POSTGRES_USER:-postgres}
	method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
	password=${POSTGRES_PASSWORD:-}
	[ -z "${POSTGRES_PASSWORD_FILE:-}" ] || password=$(cat "$POSTGRES_PASSWORD_FILE")
	if [ -z "$password" ] && [ "$method" != trust ]; then
		echo "the database has no password: set POSTGRES_PASSWORD, or POSTGRES_HOST_AUTH_METHOD=trust to let in everybody" >&2
		exit 1
	fi
	secret=$(mktemp)
	printf '%s\n' "${password:-$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')}" > "$secret"
	mkdir -p "$PGDATA"
	chmod 0700 "$PGDATA"
	# shellcheck disable=SC2086 # arguments are words
	initdb --username="$user" --pwfile="$secret" --auth-local=trust --auth-host="$method" ${POSTGRES_INITDB_ARGS:-}
	rm "$secret"
	printf "\nhost all all all %s\n" "$method" >> "$PGDATA/pg_hba.conf"
	printf "\nlisten_addresses = '*'\n" >> "$PGDATA/postgresql.conf"

	pg_ctl --silent --wait --options="-c listen_addresses=" start
	database=${POSTGRES_DB:-$user}
	query() { psql -v ON_ERROR_STOP=1 --no-psqlrc --username="$user" "$@"; }
	if [ -z "$(echo "select 1 from pg_database where datname = :'name'" | query -d postgres -Atq -v name="$database")" ]; then
		echo 'create database :"name"' | query -d postgres -q -v name="$database"
	fi
	for file in /docker-entrypoint-initdb.d/*; do
		[ -e "$file" ] || continue
		echo "running $file"
		case $file in
		*.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
		*.sql) query -d "$database" -f "$file" ;;
		*.sql.gz) gunzip -c "$file" | query -d "$database" ;;
		esac
	done
	pg_ctl --silent --wait --mode=fast stop
fi
exec "$@"
