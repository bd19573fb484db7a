# What `make cluster` and `make chaos ARGS="--cluster"` need besides Rust. Sourced, after postgres.sh; `find_cluster_programs`
# names everything that is missing, or exports where the programs are.
# shellcheck shell=bash

find_cluster_programs() {
    local missing=()
    # The links to initdb lead to where all programs of that version are.
    POSTGRES_PROGRAMS=$(postgres_programs)
    POSTGRES_PROGRAMS=$(dirname "$(readlink -f "$POSTGRES_PROGRAMS/initdb")")
    [ -x "$POSTGRES_PROGRAMS/psql" ] || missing+=("PostgreSQL (apt-get install postgresql)")
    HAPROXY=$(PATH=$PATH:/usr/sbin command -v haproxy) || missing+=("HAProxy (apt-get install haproxy)")
    command -v setpriv >/dev/null || missing+=("setpriv (apt-get install util-linux; the cluster runs on Linux alone)")
    [ ${#missing[@]} -eq 0 ] || printf 'cluster: left out, for want of %s\n' "${missing[@]}" >&2
    # The server comes last, because its build takes minutes.
    [ ${#missing[@]} -eq 0 ] && TEMPORAL_SERVER=$(temporal/cluster/temporal-server --path) || return 1
    TEMPORAL_CLI=$(temporal/cluster/temporal-cli --path)
    export POSTGRES_PROGRAMS HAPROXY TEMPORAL_SERVER TEMPORAL_CLI
}
