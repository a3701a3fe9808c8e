# Shared by the scripts in this folder; sourced, never run.
#
# Callers set `set -euo pipefail` and call `start_script` first. Names in capitals are set here and read by callers.

# --- Speaking -----------------------------------------------------------------------------------------------------

say() { printf '%s\n' "$*"; }
step() { printf '==> %s\n' "$*"; }
warn() { printf 'Note: %s\n' "$*" >&2; }

# die MESSAGE [WHAT TO DO]: every failure says both.
die() {
    printf '\nscripts/%s: %s\n' "${SCRIPT:-?}" "$1" >&2
    [ $# -lt 2 ] || printf '%s\n' "$2" | sed 's/^/    /' >&2
    exit 1
}

# True when somebody sits there to answer a question: nothing asks otherwise.
is_interactive() { [ -t 0 ] && [ -t 2 ] && [ -z "${CI:-}" ]; }

# --- Start --------------------------------------------------------------------------------------------------------

# start_script NAME: finds the repository, and drops from the environment what would leak into libpq.
start_script() {
    SCRIPT=$1
    ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
    local name
    for name in ${!PG@}; do unset "$name"; done
    # runuser and the like live in sbin, which `su` leaves off the path.
    PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
    MY_UID=$(id -u)
    MY_NAME=$(id -un 2>/dev/null) || die "user $MY_UID has no name on this machine, and PostgreSQL refuses such users" \
        "Run as a user that exists in /etc/passwd (in a container: without --user, or after 'useradd -u $MY_UID souk')."
}

# Debian's `true` for options that want a value: need_value OPTION "$#"
need_value() { [ "$2" -ge 2 ] || die "$1 needs a value" "scripts/$SCRIPT --help lists the options."; }

# --- Packages -----------------------------------------------------------------------------------------------------

is_package_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# missing_build_packages: prints what souk needs to be built and run, and is not there. Asks for what is used (a .pc
# file, a program) and not for a package name, so that another package which provides it will do. Without pkg-config the Swift
# build would only warn, and stop much later at a header.
missing_build_packages() {
    command -v pkg-config >/dev/null || printf '%s\n' pkg-config
    local pair
    for pair in libpq:libpq-dev libcurl:libcurl4-openssl-dev libcrypto:libssl-dev; do
        pkg-config --exists "${pair%%:*}" 2>/dev/null || printf '%s\n' "${pair##*:}"
    done
    [ -n "$(postgres_bindir)" ] || printf '%s\n' postgresql
    command -v curl >/dev/null || printf '%s\n' curl
    command -v git >/dev/null || printf '%s\n' git
    [ -e /etc/ssl/certs/ca-certificates.crt ] || printf '%s\n' ca-certificates
    # What a Swift toolchain from swift.org expects of the system: a C++ library to link with, and these.
    compgen -G '/usr/lib/gcc/*/*/libstdc++.so' >/dev/null || printf '%s\n' g++
    [ -e /usr/include/zlib.h ] || printf '%s\n' zlib1g-dev
    local libraries
    libraries=$(ldconfig -p)
    case $libraries in *libncurses.so.6*) ;; *) printf '%s\n' libncurses6 ;; esac
    case $libraries in *libsqlite3.so.0*) ;; *) printf '%s\n' libsqlite3-0 ;; esac
    [ -d /usr/share/zoneinfo ] || printf '%s\n' tzdata
}

# install_packages NAME...: through apt, as root or with sudo; without either it says what to run, and stops.
install_packages() {
    [ $# -gt 0 ] || return 0
    local line="apt-get install -y --no-install-recommends $*"
    command -v apt-get >/dev/null || die "these packages are missing, and this is no Debian: $*" \
        "Install their counterparts with this system's package manager, then run scripts/$SCRIPT again."
    local -a become=()
    if [ "$MY_UID" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            die "these packages are missing, and there is neither root nor sudo: $*" "Run once as root: $line"
        elif is_interactive; then
            become=(sudo)
        elif sudo -n true 2>/dev/null; then
            become=(sudo -n)
        else
            die "these packages are missing, and sudo asks for a password: $*" "Run once: sudo $line"
        fi
    fi
    step "Installing $*"
    local keep_postgres_quiet=
    if ! is_package_installed postgresql-common; then
        keep_postgres_quiet=/etc/postgresql-common/createcluster.d/souk.conf
        # Debian's package would make and start a server on port 5432; Souk wants the programs only.
        "${become[@]}" mkdir -p "${keep_postgres_quiet%/*}"
        printf 'create_main_cluster = false\n' | "${become[@]}" tee "$keep_postgres_quiet" >/dev/null
    fi
    local failed=0 output
    local -a apt=("${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
    output=$("${apt[@]}" update 2>&1 </dev/null) \
        || warn "apt-get update failed ($(tail -n 1 <<<"$output")); going on with the package lists that are there"
    output=$("${apt[@]}" install -y --no-install-recommends "$@" 2>&1 </dev/null) || failed=1
    [ -z "$keep_postgres_quiet" ] || "${become[@]}" rm -f "$keep_postgres_quiet"
    [ "$failed" = 0 ] || tail -n 15 <<<"$output" >&2
    [ "$failed" = 0 ] || die "apt-get could not install: $*" \
        "Its own message is above: no network, no space or a broken package list are the usual causes. By hand: $line"
}

# --- Swift --------------------------------------------------------------------------------------------------------

# find_swift: puts a toolchain of 6.2 or later on PATH.
find_swift() {
    local folder
    if ! command -v swift >/dev/null; then
        for folder in /opt/swift/usr/bin /usr/share/swift/usr/bin /usr/local/swift/usr/bin /usr/libexec/swift/*/bin \
            "${HOME:-/nonexistent}/.local/share/swiftly/bin" "${HOME:-/nonexistent}/.swiftly/bin"; do
            if [ -x "$folder/swift" ]; then
                PATH=$folder:$PATH
                break
            fi
        done
    fi
    command -v swift >/dev/null || die "no Swift toolchain found" \
        "Install Swift 6.2 or later from https://www.swift.org/install/linux/debian/12/ (swiftly does it in two commands),
or unpack a toolchain to /opt/swift; then run scripts/$SCRIPT again."
    local answer
    answer=$(swift --version 2>&1) || true
    SWIFT_VERSION=$(sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' <<<"$answer" | head -n 1)
    [ -n "$SWIFT_VERSION" ] || die "$(command -v swift) does not run: $(head -n 1 <<<"$answer")" \
        "A toolchain for another system, or a package that it needs (swift.org lists them), are the usual causes."
    local major=${SWIFT_VERSION%%.*} rest=${SWIFT_VERSION#*.}
    local minor=${rest%%.*}
    if [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 2 ]; }; then
        die "Swift $SWIFT_VERSION at $(command -v swift) is too old: Souk needs 6.2 or later" \
            "Install a newer one from https://www.swift.org/install/linux/debian/12/ and put it first on PATH."
    fi
}

# --- Folders ------------------------------------------------------------------------------------------------------

MARKER=.made-by-souk

# check_owner FOLDER: refuses what another user of this machine has made, before anything fails half way.
check_owner() {
    [ -e "$1" ] || return 0
    local owner
    owner=$(stat -c %u "$1")
    [ "$owner" != "$MY_UID" ] || return 0
    local name
    name=$(stat -c %U "$1")
    die "$1 belongs to $name, and you are $MY_NAME" \
        "This clone was used by $name before. Run the script as $name, or work in a clone of your own, or remove the folder
(as $name or root: rm -rf '$1') and let it be made again."
}

free_megabytes() {
    local folder=$1
    while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
    df -Pk "$folder" | awk 'NR == 2 { print int($4 / 1024) }'
}

# check_build_space FOLDER: a build tree takes 0.4 to 1.1 GB, and the linker as much again for a while.
check_build_space() {
    local free
    free=$(free_megabytes "$1")
    if [ "$free" -lt 1500 ]; then
        die "only $free MB are free for $1: a build needs up to 1.5 GB" \
            "Make room (old build folders: rm -rf .build .build-*), or clone onto a larger disk."
    elif [ "$free" -lt 4096 ]; then
        warn "$free MB are free for $1; all build folders together can take 4 GB"
    fi
}

# prepare_data_folder FOLDER IS_DEFAULT: makes it, marks it as ours, sets DATA to its absolute path.
prepare_data_folder() {
    local folder=$1 is_default=$2
    check_owner "$folder"
    if [ -e "$folder" ] && [ ! -d "$folder" ]; then
        die "$folder is not a folder" "Choose another one with --data."
    fi
    if [ -d "$folder" ] && [ ! -e "$folder/$MARKER" ] && [ "$is_default" = no ] && [ -n "$(ls -A "$folder")" ]; then
        die "$folder holds files that Souk did not make" "Give --data an empty or a new folder."
    fi
    mkdir -p "$folder" 2>/dev/null || die "cannot make the folder $folder" "Choose one that $MY_NAME may write to, with --data."
    DATA=$(cd "$folder" && pwd -P)
    printf 'The data folder of a Souk trial. scripts/run --fresh empties it.\n' 2>/dev/null >"$DATA/$MARKER" \
        || die "cannot write to $DATA" "$(disk_hint "$DATA")"
    # Root's database server runs as another user, who must be able to pass through; files inside are 0600.
    if [ "$MY_UID" = 0 ]; then chmod 0711 "$DATA"; else chmod 0700 "$DATA"; fi
}

# disk_hint FOLDER [OTHERWISE]: what to do when writing to FOLDER failed.
disk_hint() {
    local free
    free=$(free_megabytes "$1")
    if [ "$free" -lt 64 ]; then
        printf 'The disk that holds %s is full (%s MB free). Make room, then run scripts/%s again: nothing that was stored is lost.' "$1" "$free" "$SCRIPT"
    else
        printf '%s' "${2:-Look at who owns it and what it allows: ls -ld $1}"
    fi
}

# clear_data_folder: what --fresh does. What scripts/test and scripts/bench keep there stays.
clear_data_folder() {
    [ -e "$DATA/$MARKER" ] || die "$DATA has no file $MARKER, so it was not made by Souk: nothing is removed" \
        "Remove the folder by hand if you are sure."
    cluster_locate
    cluster_stop
    [ "$CLUSTER" = "$DATA/postgres" ] || rm -rf -- "$CLUSTER"
    find "$DATA" -mindepth 1 -maxdepth 1 ! -name "$MARKER" ! -name run.lock ! -name test-venv ! -name test-logs ! -name bench -exec rm -rf -- {} +
}

# --- Processes and ports ------------------------------------------------------------------------------------------

# A pid alone says little after a crash, since numbers come back; pid and start time together name one process.
process_start_time() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # The name in parentheses may hold spaces: count from behind it. Field 22 of the whole is the 20th after it.
    stat=${stat##*) }
    # shellcheck disable=SC2086
    set -- $stat
    printf '%s\n' "${20}"
}

# port_holder PORT: prints who listens there ("name, process 12" or "another program"); fails if nobody does.
port_holder() {
    local wanted inode link
    wanted=$(printf '%04X' "$1")
    inode=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null \
        | awk -v port="$wanted" '$4 == "0A" { n = split($2, a, ":"); if (a[n] == port) { print $10; exit } }')
    [ -n "$inode" ] || return 1
    for link in /proc/[0-9]*/fd/*; do
        if [ "$(readlink "$link" 2>/dev/null)" = "socket:[$inode]" ]; then
            link=${link#/proc/}
            printf '%s, process %s\n' "$(cat "/proc/${link%%/*}/comm" 2>/dev/null)" "${link%%/*}"
            return 0
        fi
    done
    printf 'a program of another user\n'
}

# check_port PORT OPTION: a taken port is said before anything is started.
check_port() {
    local holder
    case $1 in
        '' | *[!0-9]* | ??????*) die "$2 $1 is not a port" "Give a number from 1 to 65535." ;;
    esac
    if [ "$1" -lt 1 ] || [ "$1" -gt 65535 ]; then die "$2 $1 is not a port" "Give a number from 1 to 65535."; fi
    if holder=$(port_holder "$1"); then
        die "port $1 is taken (by $holder)" "Stop that program, or choose another port: scripts/$SCRIPT $2 $(free_port_near "$1")"
    fi
}

free_port_near() {
    local port=$(($1 + 1))
    while port_holder "$port" >/dev/null && [ "$port" -lt 65535 ]; do port=$((port + 1)); done
    printf '%s\n' "$port"
}

# --- A private PostgreSQL cluster ---------------------------------------------------------------------------------
#
# One folder holds the data, the log and the socket; only its owner may enter. There is no TCP port and no password: the
# kernel says who connects (peer), and the map lets this user and the server's user be `souk`.

# postgres_bindir [MAJOR]: where initdb and pg_ctl are; Debian keeps them off PATH. Prints nothing if there are none.
postgres_bindir() {
    local folder
    if [ -n "${1:-}" ]; then
        for folder in "/usr/lib/postgresql/$1/bin" "/usr/pgsql-$1/bin"; do
            [ ! -x "$folder/initdb" ] || { printf "%s\n" "$folder"; return 0; }
        done
    fi
    local -a candidates=()
    if command -v pg_config >/dev/null; then candidates+=("$(pg_config --bindir)"); fi
    while read -r folder; do candidates+=("$folder"); done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV)
    for folder in "${candidates[@]}"; do
        [ -x "$folder/initdb" ] || continue
        if [ -n "${1:-}" ] && ! "$folder/postgres" --version | grep -q " $1[.a-z]"; then continue; fi
        printf '%s\n' "$folder"
        return 0
    done
}

# as_server COMMAND...: PostgreSQL refuses to run as root, so root steps down to the package's own user. Away from the
# caller's folder, which that user may not be allowed to stand in.
as_server() { as_server_in / "$@"; }

as_server_in() {
    local folder=$1
    shift
    if [ "$MY_UID" = 0 ]; then
        (cd "$folder" && exec runuser -u postgres -- "$@")
    else
        (cd "$folder" && exec "$@")
    fi
}

# cluster_locate: sets CLUSTER (the folder), SERVER_USER. Below DATA, unless root's server user cannot reach it there
# (a clone under root's home is closed to others): then below /var/lib/souk, with a pointer file in DATA.
cluster_locate() {
    SERVER_USER=$MY_NAME
    CLUSTER=$DATA/postgres
    [ "$MY_UID" = 0 ] || return 0
    SERVER_USER=postgres
    id postgres >/dev/null 2>&1 || die "there is no user 'postgres', whom root needs to run the database" \
        "Install Debian's postgresql package, or run scripts/$SCRIPT as an ordinary user."
    if as_server test -x "$DATA" || [ -d "$CLUSTER/data" ]; then return 0; fi
    # A clone that was moved takes its cluster along; a copy of a clone that is still there gets one of its own.
    local known
    if known=$(cat "$DATA/postgres.location" 2>/dev/null) && [ -d "$known/data" ] && [ ! -e "$(cat "$known/made-for")" ]; then
        printf '%s\n' "$DATA" >"$known/made-for"
    fi
    if [ -n "$known" ] && [ "$(cat "$known/made-for" 2>/dev/null)" = "$DATA" ]; then
        CLUSTER=$known
        return 0
    fi
    CLUSTER=/var/lib/souk/$(printf '%s' "$DATA" | sha256sum | cut -c 1-16)
    printf '%s\n' "$CLUSTER" >"$DATA/postgres.location"
}

# cluster_processes: prints the ids of the processes that work in the data folder. The folder is what counts: a
# pid file may be left over, copied with its folder, or name a process that has nothing to do with it.
cluster_processes() {
    find /proc -mindepth 2 -maxdepth 2 -name cwd -printf '%p %l\n' 2>/dev/null | while read -r link target; do
        if [ "$target" = "$CLUSTER/data" ]; then
            link=${link#/proc/}
            printf '%s\n' "${link%/cwd}"
        fi
    done
}

cluster_is_running() {
    [ -e "$CLUSTER/data/postmaster.pid" ] || return 1
    local pid
    pid=$(head -n 1 "$CLUSTER/data/postmaster.pid")
    [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$CLUSTER/data" ]
}

cluster_create() {
    local free parent
    parent=$(dirname "$CLUSTER")
    free=$(free_megabytes "$parent")
    [ "$free" -ge 200 ] || die "the disk is nearly full: $free MB free for $CLUSTER, a database needs 200 MB to begin with" \
        "Make room, or put the data elsewhere: scripts/$SCRIPT --data DIR"
    step "Making a private PostgreSQL cluster in $CLUSTER"
    # A run that was killed here left at most data.new, which is nobody's.
    rm -rf -- "$CLUSTER"
    mkdir -p -m 0711 "$parent"
    mkdir -m 0700 "$CLUSTER"
    if [ "$MY_UID" = 0 ]; then chown postgres: "$CLUSTER"; fi
    local output
    if ! output=$(as_server "$BIN/initdb" -D "$CLUSTER/data.new" -U souk --auth=peer --encoding=UTF8 --locale=C.UTF-8 2>&1 </dev/null); then
        printf '%s\n' "$output" | tail -n 8 >&2
        rm -rf -- "$CLUSTER"
        die "initdb could not make the database cluster; its message is above" "$(disk_hint "$parent")"
    fi
    as_server tee "$CLUSTER/data.new/pg_hba.conf" >/dev/null <<<'local all all peer map=souk'
    as_server tee "$CLUSTER/data.new/pg_ident.conf" >/dev/null <<<"souk \"$MY_NAME\" souk
souk \"$SERVER_USER\" souk"
    as_server tee -a "$CLUSTER/data.new/postgresql.conf" >/dev/null <<<"
# Souk: no network, one local user; where the socket is changes with the folder and is written at each start.
listen_addresses = ''
lc_messages = 'C'
include_if_exists = 'socket.conf'"
    if [ "$CLUSTER" != "$DATA/postgres" ]; then printf '%s\n' "$DATA" >"$CLUSTER/made-for"; fi
    as_server mv "$CLUSTER/data.new" "$CLUSTER/data"
}

# cluster_start: makes the cluster if there is none, starts it if it does not run, and sets SOCKET, BIN and
# CLUSTER_STARTED. A server that a killed run left behind is taken over.
cluster_start() {
    cluster_locate
    CLUSTER_STARTED=no
    # A folder without a finished cluster holds nothing (initdb ends with a rename).
    if [ ! -d "$CLUSTER/data" ]; then
        BIN=$(postgres_bindir)
        [ -n "$BIN" ] || die "PostgreSQL's programs (initdb, pg_ctl) are not installed" "Run: apt-get install postgresql"
        cluster_create
    fi
    as_server test -x "$CLUSTER/data" || die "$CLUSTER holds a database, but the user $SERVER_USER can no longer enter it" \
        "Look at the rights along that path: namei -l '$CLUSTER'"
    local major
    major=$(as_server cat "$CLUSTER/data/PG_VERSION")
    BIN=$(postgres_bindir "$major")
    [ -n "$BIN" ] || die "the database in $CLUSTER was made by PostgreSQL $major, which is not installed" \
        "Install postgresql-$major, or begin with an empty one: scripts/$SCRIPT --fresh"
    [ "$major" -ge 15 ] || die "PostgreSQL $major is too old: Souk needs 15 or later" "Install a newer postgresql package, then scripts/$SCRIPT --fresh"

    if cluster_is_running; then
        say "The database is still running from an earlier run; using it."
        CLUSTER_STARTED=yes
        SOCKET=$(as_server sed -n 5p "$CLUSTER/data/postmaster.pid")
    else
        # The server may be gone while its children still notice; starting beside them would ruin the data.
        cluster_wait_for_processes "processes of an earlier database server do not end"
        # Nobody works in the folder, so its lock files are left over. PostgreSQL overwrites them itself, unless their
        # number now belongs to another process of the same user, or to a dead one that nobody has waited for.
        rm -f -- "$CLUSTER/data/postmaster.pid" "$CLUSTER/.s.PGSQL.5432" "$CLUSTER/.s.PGSQL.5432.lock"
        SOCKET=$CLUSTER
        # A socket's path has 107 bytes, /.s.PGSQL.5432 included; past that the server would not start at all. A comma
        # or a quote in it would be read as a list by the server and by its clients.
        case $CLUSTER in *[!A-Za-z0-9._/~-]*) SOCKET='' ;; esac
        if [ -z "$SOCKET" ] || [ ${#SOCKET} -gt 90 ]; then SOCKET=$(as_server mktemp -d /tmp/souk-socket.XXXXXXXX); fi
        if ! as_server tee "$CLUSTER/data/socket.conf" >/dev/null 2>&1 <<<"unix_socket_directories = '$SOCKET'"; then
            die "cannot write to $CLUSTER" "$(disk_hint "$CLUSTER")"
        fi
        step "Starting PostgreSQL $major"
        CLUSTER_STARTED=yes
        # Short relative names, because pg_ctl hands them to a shell with no care for quotes in them. The lock of this
        # script is not the server's business.
        if ! as_server_in "$CLUSTER" "$BIN/pg_ctl" -D data -l server.log -w -t 60 start </dev/null >/dev/null 2>&1 9>&-; then
            CLUSTER_STARTED=no
            as_server tail -n 8 "$CLUSTER/server.log" >&2 || true
            if cluster_is_running; then cluster_stop; fi
            die "PostgreSQL did not start; the end of $CLUSTER/server.log is above" "$(disk_hint "$CLUSTER")"
        fi
    fi
    cluster_ensure_database
    DATABASE_ADDRESS="postgresql:///souk?host=$(percent_encode "$SOCKET")&user=souk"
}

cluster_wait_for_processes() { # WHAT TO SAY, if they do not end within ten seconds
    local tries=0
    while [ -n "$(cluster_processes)" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 100 ] || die "$1" "These processes still work in $CLUSTER/data: $(cluster_processes | tr '\n' ' '); wait for them to end, or end them."
        sleep 0.1
    done
}

cluster_ensure_database() {
    local tries=0 answer
    until answer=$("$BIN/psql" -X -At -h "$SOCKET" -U souk -d postgres -c "SELECT count(*) FROM pg_database WHERE datname = 'souk'" 2>&1); do
        tries=$((tries + 1))
        [ "$tries" -lt 100 ] || die "the database in $CLUSTER does not answer: $answer" "Its log is $CLUSTER/server.log"
        sleep 0.1
    done
    [ "$answer" = 1 ] || "$BIN/psql" -X -q -h "$SOCKET" -U souk -d postgres -c 'CREATE DATABASE souk' >/dev/null
}

# cluster_stop: stops the server of our folder and no other, and waits until it is gone.
cluster_stop() {
    if [ -d "$CLUSTER/data" ] && cluster_is_running; then
        local bin socket
        bin=$(postgres_bindir "$(as_server cat "$CLUSTER/data/PG_VERSION")")
        socket=$(as_server sed -n 5p "$CLUSTER/data/postmaster.pid")
        as_server_in "$CLUSTER" "$bin/pg_ctl" -D data -m fast -w -t 60 stop >/dev/null 2>&1 </dev/null \
            || warn "the database did not stop within a minute: $CLUSTER"
        # It takes its pid file away a moment before it is gone.
        cluster_wait_for_processes "The database in $CLUSTER did not end"
        case $socket in /tmp/souk-socket.*) as_server rm -rf -- "$socket" ;; esac
    fi
    CLUSTER_STARTED=no
}

percent_encode() {
    local LC_ALL=C text=$1 out='' index char
    for ((index = 0; index < ${#text}; index++)); do
        char=${text:index:1}
        case $char in
            [A-Za-z0-9._~-]) out+=$char ;;
            *) out+=$(printf '%%%02X' "$((($(printf '%d' "'$char") + 256) % 256))") ;;
        esac
    done
    printf '%s\n' "$out"
}
