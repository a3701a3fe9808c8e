#!/usr/bin/env bash
# The ways scripts/run can fail, and the ways it must not: tried with real PostgreSQL clusters and a stand-in for the souk
# binary, so that nothing is built. Each test is a function; an argument picks those whose name matches.
set -uo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
pick=${1:-.}
world=$(mktemp -d /tmp/souk-scripts.XXXXXX)
chmod 0755 "$world"
passed=0 skipped=0 failures=()

# --- A clone with a stand-in --------------------------------------------------------------------------------------

# make_clone FOLDER: the scripts, and a souk that needs no compiler: `migrate` writes a row through DATABASE_URL, `serve`
# answers /readyz. It is dated after the sources, so scripts/run takes it for built.
make_clone() {
    mkdir -p "$1/Sources" "$1/.build/release"
    cp -R "$repository/scripts" "$1/scripts"
    touch "$1/Package.swift"
    cat >"$1/.build/release/souk" <<'SOUK'
#!/usr/bin/python3
import http.server, os, signal, subprocess, sys
if sys.argv[1] == "migrate":
    sql = "CREATE TABLE IF NOT EXISTS runs (at timestamptz DEFAULT now()); INSERT INTO runs DEFAULT VALUES; SELECT 'rows ' || count(*) FROM runs"
    sys.exit(subprocess.run(["psql", "-X", "-q", "-At", os.environ["DATABASE_URL"], "-c", sql]).returncode)
if os.path.exists(os.environ["SOUK_DATA_DIR"] + "/fail-please"):
    sys.exit("souk: configuration refused")
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ready")
    def log_message(self, *arguments): pass
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.HTTPServer(("127.0.0.1", int(os.environ["SOUK_PORT"])), Answer).serve_forever()
SOUK
    chmod +x "$1/.build/release/souk"
    local swift=${swift_version:-$(bash -c 'source "$0/scripts/lib.sh"; start_script test; find_swift; echo $SWIFT_VERSION' "$repository")}
    swift_version=$swift
    printf '%s\n' "$swift" >"$1/.build/souk-release.stamp"
    touch "$1/.build/souk-release.stamp"
}

# A port that nobody listens on, below the ephemeral range.
next_port=$((21000 + RANDOM % 8000))
free_port() {
    next_port=$((next_port + 1))
    while (exec 3<>"/dev/tcp/127.0.0.1/$next_port") 2>/dev/null; do next_port=$((next_port + 1)); done
    port=$next_port
}

# start_run CLONE [OPTION...]: runs scripts/run until it says that it is ready, or has ended. Sets run_pid and output.
start_run() {
    local clone=$1
    shift
    free_port; local own=$port; free_port
    output=$(mktemp "$world/output.XXXXXX")
    # A folder that the caller cannot enter is none to start in.
    (cd / && exec ${as_user:-} "$clone/scripts/run" --port "$own" --sandbox-port "$port" "$@") >"$output" 2>&1 </dev/null &
    run_pid=$!
    local tries=0
    until grep -q 'runs until you press' "$output"; do
        kill -0 "$run_pid" 2>/dev/null || return 1
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || { echo "no answer within a minute"; return 1; }
        sleep 0.1
    done
}
stop_run() {
    kill -TERM "$run_pid" && wait "$run_pid"
}
# fails_with TEXT CLONE [OPTION...]: scripts/run ends by itself, not with success, and says TEXT.
fails_with() {
    local text=$1 status=0
    shift
    start_run "$@" && { stop_run; echo "it started, where it had to refuse"; return 1; }
    wait "$run_pid" || status=$?
    [ "$status" != 0 ] || { echo "status 0"; return 1; }
    says "$text"
}
says() { grep -qF -- "$1" "$output" || { echo "does not say: $1"; sed 's/^/    | /' "$output"; return 1; }; }
servers_in() { local link; for link in /proc/[0-9]*/cwd; do case $(readlink "$link" 2>/dev/null) in "$1"*) echo "${link//[!0-9]/}" ;; esac; done; }
rows() { tail -n 20 "$1/souk.log" | grep -o 'rows [0-9]*' | tail -n 1; }

# --- The tests ----------------------------------------------------------------------------------------------------

test_starts_keeps_data_and_stops_everything() {
    local clone=$world/plain
    make_clone "$clone"
    start_run "$clone" || { cat "$output"; return 1; }
    says "Souk is ready at http://127.0.0.1:" && says "admin key       souk_test_" || return 1
    stop_run || { echo "a stop by TERM is no success"; return 1; }
    [ -z "$(servers_in "$clone/.souk/postgres")" ] || { echo "the database still runs"; return 1; }
    [ "$(stat -c %a "$clone/.souk/admin-key")" = 600 ] || { echo "the admin key is readable by others"; return 1; }
    local key
    key=$(cat "$clone/.souk/admin-key")
    start_run "$clone" && stop_run || return 1
    [ "$(rows "$clone/.souk")" = "rows 2" ] && [ "$(cat "$clone/.souk/admin-key")" = "$key" ] || { echo "the second run lost data"; return 1; }
    start_run "$clone" --fresh && stop_run || return 1
    [ "$(rows "$clone/.souk")" = "rows 1" ] || { echo "--fresh kept data"; return 1; }
}

test_ctrl_c_in_a_terminal() {
    local clone=$world/terminal
    make_clone "$clone"
    free_port; local own=$port; free_port
    output=$(mktemp "$world/output.XXXXXX")
    # Every process in the foreground gets the signal at once, as from a keyboard.
    python3 - "$clone/scripts/run" --port "$own" --sandbox-port "$port" >"$output" <<'PYTHON' || { cat "$output"; return 1; }
import os, pty, signal, sys
child, terminal = pty.fork()
if child == 0:
    # A terminal's own shell would see to this: whoever runs the tests in the background ignores these signals.
    for name in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(name, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
signal.alarm(180)  # a run that does not hear Ctrl-C ends the test instead of hanging it
seen = b""
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if b"press Ctrl-C" in seen + part and b"press Ctrl-C" not in seen:
        os.write(terminal, b"\x03")
    seen += part
sys.stdout.write(seen.decode())
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(0 if status == 0 else f"status {status}")
PYTHON
    says "Stopping Souk" && says "Stopping the database" || return 1
    [ -z "$(servers_in "$clone")" ] || { echo "something still runs"; return 1; }
}

test_the_database_is_closed_to_others() {
    local clone=$world/closed
    make_clone "$clone"
    start_run "$clone" || { cat "$output"; return 1; }
    local listening status=0
    [ "$(stat -c %a "$clone/.souk/postgres")" = 700 ] || { echo "others may enter the cluster's folder"; status=1; }
    listening=$(psql -X -At "host=$clone/.souk/postgres user=souk dbname=souk" -c 'SHOW listen_addresses')
    [ -z "$listening" ] || { echo "it listens on $listening"; status=1; }
    [ "$(psql -X -At "host=$clone/.souk/postgres user=souk dbname=souk" -c 'SHOW fsync')" = on ] || { echo "fsync is off"; status=1; }
    stop_run
    return $status
}

test_a_killed_script_leaves_nothing_in_the_way() {
    local clone=$world/killed
    make_clone "$clone"
    start_run "$clone" || { cat "$output"; return 1; }
    kill -KILL "$run_pid"; wait "$run_pid" 2>/dev/null
    start_run "$clone" || { cat "$output"; return 1; }
    says "Ending a Souk that an earlier run left behind" && says "still running from an earlier run" || return 1
    [ "$(rows "$clone/.souk")" = "rows 2" ] || { echo "rows lost"; return 1; }
    stop_run
    [ -z "$(servers_in "$clone/.souk/postgres")" ] || { echo "the database still runs"; return 1; }
}

test_a_killed_database_comes_back() {
    local clone=$world/crashed pid
    make_clone "$clone"
    start_run "$clone" || { cat "$output"; return 1; }
    pid=$(head -n 1 "$clone/.souk/postgres/data/postmaster.pid")
    kill -KILL "$pid" "$run_pid" "$(cut -d ' ' -f 1 "$clone/.souk/souk.pid")"; wait "$run_pid" 2>/dev/null
    start_run "$clone" || { cat "$output"; return 1; }
    [ "$(rows "$clone/.souk")" = "rows 2" ] || { echo "rows lost"; return 1; }
    stop_run
}

test_a_left_pid_file_that_names_another_process_is_no_obstacle() {
    local clone=$world/stale
    make_clone "$clone"
    start_run "$clone" && stop_run || return 1
    # The number of a live process of the server's own user: PostgreSQL alone would refuse to start.
    local other
    if [ "$(id -u)" = 0 ]; then
        (cd / && exec runuser -u postgres -- sleep 60) &
    else
        sleep 60 &
    fi
    other=$!
    local inner
    inner=$(pgrep -P "$other" || echo "$other")
    printf '%s\n%s\n' "$inner" "$clone/.souk/postgres/data" >"$clone/.souk/postgres/data/postmaster.pid"
    start_run "$clone" || { cat "$output"; kill "$other"; return 1; }
    kill -0 "$inner" || { echo "the other process was ended"; return 1; }
    kill "$other"; wait "$other" 2>/dev/null
    stop_run
}

test_two_at_once_in_one_folder() {
    local clone=$world/twice first
    make_clone "$clone"
    start_run "$clone" || { cat "$output"; return 1; }
    first=$run_pid
    fails_with "another scripts/run is using $clone/.souk, at http://127.0.0.1:" "$clone"
    local status=$?
    start_run "$clone" --data "$world/twice-data" && stop_run || { echo "a second data folder does not work beside it"; status=1; }
    run_pid=$first
    stop_run || status=1
    return $status
}

test_a_taken_port() {
    local clone=$world/port taken status=0
    make_clone "$clone"
    free_port; taken=$port
    (cd "$world" && exec python3 -m http.server --bind 127.0.0.1 "$taken") >/dev/null 2>&1 &
    local holder=$! tries=0
    until (exec 3<>"/dev/tcp/127.0.0.1/$taken") 2>/dev/null || [ $((tries += 1)) -gt 100 ]; do sleep 0.1; done
    fails_with "port $taken is taken (by python3, process $holder)" "$clone" --port "$taken" || status=1
    says "choose another port: scripts/run --port $((taken + 1))" || status=1
    fails_with "port $taken is taken" "$clone" --sandbox-port "$taken" || status=1
    kill "$holder"; wait "$holder" 2>/dev/null
    [ ! -e "$clone/.souk/postgres" ] || { echo "something was started before the port was looked at"; status=1; }
    return $status
}

test_wrong_options() {
    local clone=$world/options
    make_clone "$clone"
    fails_with "--port eighty is not a port" "$clone" --port eighty || return 1
    fails_with "--port 70000 is not a port" "$clone" --port 70000 || return 1
    fails_with "unknown option --prot" "$clone" --prot 1 || return 1
    fails_with "--data needs a value" "$clone" --data || return 1
    free_port
    fails_with "are both $port" "$clone" --port "$port" --sandbox-port "$port" || return 1
}

test_a_folder_of_somebody_else_is_never_emptied() {
    local clone=$world/fresh
    make_clone "$clone"
    mkdir "$world/photos"; echo 1 >"$world/photos/holiday.jpg"
    fails_with "holds files that Souk did not make" "$clone" --data "$world/photos" --fresh || return 1
    [ -e "$world/photos/holiday.jpg" ] || { echo "it was emptied"; return 1; }
}

test_a_long_path() {
    local clone
    clone=$world/$(printf 'a-rather-long-folder-name-%.0s' 1 2 3 4)/clone
    make_clone "$clone"
    start_run "$clone" || { cat "$output"; return 1; }
    local socket
    socket=$(sed -n 5p "$clone/.souk/postgres/data/postmaster.pid")
    [ "$(stat -c %a "$socket")" = 700 ] || { echo "the socket folder is open to others"; return 1; }
    stop_run || return 1
    [ ! -e "$socket" ] || { echo "$socket was left"; return 1; }
}

test_a_path_with_spaces_quotes_and_umlauts() {
    local clone="$world/Ana's größter, \"Markt\" 100%"
    make_clone "$clone"
    start_run "$clone" || { cat "$output"; return 1; }
    stop_run
}

test_souk_that_refuses_to_start() {
    local clone=$world/refuses
    make_clone "$clone"
    start_run "$clone" && stop_run || return 1
    touch "$clone/.souk/fail-please"
    fails_with "Souk ended with status 1 before it was ready" "$clone" || return 1
    says "souk: configuration refused" || return 1
    [ -z "$(servers_in "$clone/.souk/postgres")" ] || { echo "the database still runs"; return 1; }
}

test_missing_packages_without_root_or_sudo() {
    local clone=$world/packages tools=$world/tools
    make_clone "$clone"
    mkdir "$tools"
    local program
    for program in /usr/bin/* /bin/*; do
        case ${program##*/} in pkg-config | sudo) ;; *) ln -sf "$program" "$tools/${program##*/}" ;; esac
    done
    local -a become=()
    if [ "$(id -u)" = 0 ]; then
        chown -R nobody "$clone"
        become=(runuser -u nobody --)
    fi
    output=$world/output.packages
    "${become[@]}" env "PATH=$tools" bash "$clone/scripts/run" >"$output" 2>&1 </dev/null && { echo "status 0"; return 1; }
    says "neither root nor sudo" && says "Run once as root: apt-get install -y --no-install-recommends pkg-config"
}

test_an_ordinary_user() {
    [ "$(id -u)" = 0 ] || { echo "skipped: this run is one of an ordinary user already"; return 77; }
    local clone=$world/ordinary status=0
    make_clone "$clone"
    chown -R nobody "$clone"
    as_user="runuser -u nobody --" start_run "$clone" || { cat "$output"; return 1; }
    # runuser waits for its child and passes TERM on.
    stop_run || true
    [ -z "$(servers_in "$clone/.souk/postgres")" ] || { echo "the database still runs"; status=1; }
    # Root after the user, and the user after root.
    fails_with "$clone/.build belongs to nobody, and you are root" "$clone" || status=1
    return $status
}

test_root_in_a_folder_closed_to_the_database() {
    [ "$(id -u)" = 0 ] || { echo "skipped: only root needs another user for PostgreSQL"; return 77; }
    local closed=$world/closed-home location status=0
    mkdir -m 0700 "$closed"
    make_clone "$closed/clone"
    start_run "$closed/clone" || { cat "$output"; return 1; }
    stop_run
    location=$(cat "$closed/clone/.souk/postgres.location")
    case $location in /var/lib/souk/*) ;; *) echo "the cluster is in $location"; status=1 ;; esac
    # Moved, the clone keeps its data; a copy beside it gets a cluster of its own.
    mv "$closed/clone" "$closed/moved"
    touch "$closed/moved/.build/souk-release.stamp"
    start_run "$closed/moved" && stop_run || status=1
    [ "$(rows "$closed/moved/.souk")" = "rows 2" ] || { echo "the moved clone lost its data: $(rows "$closed/moved/.souk")"; status=1; }
    cp -a "$closed/moved" "$closed/copy"
    touch "$closed/copy/.build/souk-release.stamp"
    start_run "$closed/copy" && stop_run || status=1
    [ "$(rows "$closed/copy/.souk")" = "rows 1" ] || { echo "the copy shares data: $(rows "$closed/copy/.souk")"; status=1; }
    start_run "$closed/moved" --fresh && stop_run || status=1
    rm -rf "$location" "$(cat "$closed/moved/.souk/postgres.location")" "$(cat "$closed/copy/.souk/postgres.location")"
    return $status
}

test_a_full_disk() {
    local clone=$world/full disk=$world/disk
    make_clone "$clone"
    mkdir "$disk"
    mount -t tmpfs -o size=64m,mode=0755 souk-test "$disk" 2>/dev/null || { echo "skipped: this user may not mount a small disk"; return 77; }
    local status=0
    fails_with "the disk is nearly full" "$clone" --data "$disk/data" || status=1
    says "Make room, or put the data elsewhere" || status=1
    # A cluster whose disk fills up later.
    mount -o remount,size=400m "$disk"
    start_run "$clone" --data "$disk/data" && stop_run || { cat "$output"; status=1; }
    head -c 500m /dev/zero >"$disk/ballast" 2>/dev/null
    fails_with "is full" "$clone" --data "$disk/data" || status=1
    [ -z "$(servers_in "$disk")" ] || { echo "the database still runs"; status=1; }
    rm "$disk/ballast"
    start_run "$clone" --data "$disk/data" && stop_run || { cat "$output"; status=1; }
    [ "$(rows "$disk/data")" = "rows 2" ] || { echo "rows: $(rows "$disk/data")"; status=1; }
    umount "$disk" || status=1
    return $status
}

# --- Running them -------------------------------------------------------------------------------------------------

# Whatever happens, nothing that was started here stays: the servers of this world are known by its folder.
tidy() {
    local pid
    [ -z "${run_pid:-}" ] || kill -TERM "$run_pid" 2>/dev/null
    for pid in $(servers_in "$world"); do kill -TERM "$pid" 2>/dev/null; done
    [ -z "$(servers_in "$world")" ] || sleep 2
    ! mountpoint -q "$world/disk" || umount -l "$world/disk"
    rm -rf "$world"
}
trap tidy EXIT

for name in $(compgen -A function test_ | grep -E "$pick"); do
    run_pid=''
    report=$("$name" 2>&1)
    case $? in
        0) passed=$((passed + 1)); echo "ok      ${name#test_}" ;;
        77) skipped=$((skipped + 1)); echo "skipped ${name#test_}: ${report#skipped: }" ;;
        *) failures+=("${name#test_}"); echo "FAILED  ${name#test_}"; printf '%s\n' "$report" | sed 's/^/        /' ;;
    esac
done
echo "$passed passed, $skipped skipped, ${#failures[@]} failed${failures[*]:+ (${failures[*]})}"
[ ${#failures[@]} -eq 0 ]
