# A PostgreSQL for one run of tests or benchmarks, gone afterwards. Sourced; wants $work, a directory of the
# run's own, and gives `postgres_programs`, `start_postgres SETTINGS…`, `postgres_url` and `stop_postgres`.
# shellcheck shell=bash

# Debian keeps the server's programs off the PATH, one directory per version.
postgres_programs() {
    local initdb
    initdb=$(command -v initdb || printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
    [ ! -x "$initdb" ] || dirname "$initdb"
}

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        (cd "$work/postgres" && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

# start_postgres PROGRAMS SETTING…: starts it on a socket in $work.
start_postgres() {
    programs=$1
    shift
    mkdir "$work/postgres"
    [ "$(id -u)" != 0 ] || { chmod 711 "$work" && chown postgres "$work/postgres"; }
    as_postgres "$programs/initdb" --pgdata "$work/postgres/data" --username postgres --auth trust \
        --encoding UTF8 --locale C --no-sync >"$work/initdb.log" 2>&1 || fail_postgres "$work/initdb.log"
    printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$work/postgres'" \
        "unix_socket_permissions = 0700" "$@" >>"$work/postgres/data/postgresql.conf"
    as_postgres "$programs/pg_ctl" start --wait --silent --pgdata "$work/postgres/data" \
        --log "$work/postgres/log" || fail_postgres "$work/postgres/log"
}

postgres_url() {
    local socket=$work/postgres
    printf '%s\n' "postgres://postgres@${socket//\//%2F}/postgres"
}

fail_postgres() {
    cat "$1" >&2
    echo "PostgreSQL is installed and did not start" >&2
    exit 1
}

stop_postgres() {
    if [ -f "$work/postgres/data/postmaster.pid" ]; then
        as_postgres "$programs/pg_ctl" stop --mode immediate --silent --pgdata "$work/postgres/data" || true
    fi
}

# Kills one of the server's processes, upon which it drops all connections and recovers from its log, as after a crash.
crash_postgres() {
    local server
    server=$(head -n 1 "$work/postgres/data/postmaster.pid")
    kill -9 "$(ps -o pid= --ppid "$server" | head -n 1)"
}
