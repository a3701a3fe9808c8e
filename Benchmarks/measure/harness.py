"""What the benchmarks share: programs started and stopped, PostgreSQL, runs in turns, the table at the end."""

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = Path(os.environ["BENCH_PROGRAMS"])
PG_BIN = Path(os.environ["BENCH_PG_BIN"])
PG_SOCKET = os.environ["BENCH_PG_SOCKET"]
VENV = Path(sys.executable).parent
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))
ADMIN_KEY = "souk_test_0123456789abcdef0123456789abcdef0123456789abcdef"


class Unusable(Exception):
    """The measurement says nothing: rows are missing, or a program did not do its work."""


def say(text: str) -> None:
    print(text, flush=True)


# MARK: PostgreSQL


def address(database: str) -> str:
    return f"postgresql:///{database}?host={urllib.parse.quote(PG_SOCKET, safe='')}&user=souk"


def psql(database: str, sql: str) -> str:
    command = [PG_BIN / "psql", "-X", "-At", "-q", "-v", "ON_ERROR_STOP=1", "-h", PG_SOCKET, "-U", "souk", database]
    return subprocess.run(command, input=sql, check=True, capture_output=True, text=True).stdout.strip()


def count(database: str, sql: str) -> int:
    return int(psql(database, sql))


@contextlib.contextmanager
def database(name: str, template: str = "template1", migrate: bool = True):
    """A fresh database with Souk's tables."""
    psql("postgres", f"DROP DATABASE IF EXISTS {name};\nCREATE DATABASE {name} TEMPLATE {template};")
    try:
        if migrate:
            run([PROGRAMS / "souk", "migrate"], {"DATABASE_URL": address(name)})
        yield name
    finally:
        psql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE);")


class PGBench:
    """One pgbench command; `rate` runs it once."""

    def __init__(self, database: str, clients: int, *arguments: str, seconds: int = SECONDS):
        self.command = [
            PG_BIN / "pgbench", "-h", PG_SOCKET, "-U", "souk", "-n", "-M", "prepared", "-j", "2", "-c", str(clients),
            "-T", str(seconds), *arguments, database,
        ]  # fmt: skip

    def __str__(self) -> str:
        return " ".join(str(word) for word in ["pgbench", *self.command[1:]])

    def rate(self) -> float:
        output = run(self.command)
        [line] = [line for line in output.splitlines() if line.startswith("tps = ")]
        return float(line.split()[2])


# MARK: Programs


def run(command: list, environment: dict[str, str] | None = None) -> str:
    result = subprocess.run(
        [str(word) for word in command], env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True,
    )  # fmt: skip
    if result.returncode != 0:
        raise Unusable(f"{command[0]} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    return result.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url: str, key: str | None = None, timeout: float = 60):
    return call("GET", url, None, key, timeout)


def call(method: str, url: str, body=None, key: str | None = None, timeout: float = 60):
    """A JSON request, its answer decoded; every status but 2xx is an error."""
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(
        url, method=method, headers=headers, data=None if body is None else json.dumps(body).encode()
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise Unusable(f"{method} {url}: {error.code} {error.read().decode()}") from error
    try:
        return json.loads(text)
    except ValueError:
        return text


class Program:
    """A server in a process of its own; stopped at the end of the `with`."""

    def __init__(self, command: list, environment: dict[str, str] | None = None, ready: str | None = None,
                 cwd: Path | None = None):  # fmt: skip
        self.name = Path(str(command[0])).name
        self.log = tempfile.TemporaryFile()
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            [str(word) for word in command], env={**os.environ, **(environment or {})}, cwd=cwd,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self.ready_after = self.wait_for(ready) if ready else None

    def wait_for(self, url: str) -> float:
        """Seconds from the start to the first 2xx answer."""
        port = urllib.parse.urlparse(url).port
        while time.perf_counter() - self.began < 60:
            if self.process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    pass
                get(url, timeout=2)
                return time.perf_counter() - self.began
            except (OSError, Unusable):
                time.sleep(0.001)
        self.log.seek(0)
        tail = self.log.read().decode()[-2000:]
        self.stop()
        raise Unusable(f"{self.name} did not get ready at {url}:\n{tail}")

    def processor_seconds(self) -> float:
        """Of the process and of its living children."""
        session = self.process.pid
        ticks = 0
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session:
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_megabytes(self) -> float:
        text = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        [line] = [line for line in text.splitlines() if line.startswith("Rss:")]
        return int(line.split()[1]) / 1024

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


@contextlib.contextmanager
def folder():
    """For files that are written and read during a run: in memory if there is such a place, away from the disk that is measured."""
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix="souk-bench-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Sandbox(Program):
    """`souk sandbox`, with its state on disk."""

    def __init__(self, data: Path):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            [PROGRAMS / "souk", "sandbox", "--port", self.port, "--data", data], ready=f"{self.url}/_sandbox/clock"
        )

    def control(self, method: str, path: str, body=None):
        return call(method, f"{self.url}/_sandbox{path}", body)

    def post(self, path: str, form: dict[str, str], account: str | None = None):
        request = urllib.request.Request(
            f"{self.url}{path}", data=urllib.parse.urlencode(form).encode(),
            headers={"Authorization": "Bearer sk_test_bench", **({"Stripe-Account": account} if account else {})},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


class Souk(Program):
    """`souk serve` as in production, with a sandbox in the place of Stripe."""

    def __init__(self, database: str, sandbox: Sandbox, roles: str, secrets: tuple[str, str], port: int | None = None):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            [PROGRAMS / "souk", "serve"],
            {
                "DATABASE_URL": address(database), "STRIPE_SECRET_KEY": "sk_test_bench",
                "STRIPE_API_BASE": sandbox.url, "STRIPE_WEBHOOK_SECRETS": secrets[0],
                "STRIPE_CONNECT_WEBHOOK_SECRETS": secrets[1], "SOUK_ENCRYPTION_KEYS": "0" * 64,
                "SOUK_ADMIN_KEY": ADMIN_KEY, "SOUK_ROLES": roles, "SOUK_PORT": str(self.port),
                "SOUK_PUBLIC_URL": self.url, "SOUK_LOG_LEVEL": "warning",
            },
            ready=f"{self.url}/readyz",
        )  # fmt: skip

    def call(self, method: str, path: str, body=None):
        return call(method, self.url + path, body, ADMIN_KEY)


class Wrk:
    """Load by wrk: one thread, so many connections, a Lua script that writes its counts in one line."""

    def __init__(self, url: str, script: str, *arguments, connections: int, seconds: int = SECONDS):
        command = [
            "wrk", "-t", "1", "-c", connections, "-d", f"{seconds}s", "--timeout", "30s", "-s", HERE / script, url,
            "--", *arguments,
        ]  # fmt: skip
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        output = run(command)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        [line] = [line for line in output.splitlines() if line.startswith("counts: ")]
        counts = json.loads(line.removeprefix("counts: "))
        if counts["not_2xx"] or counts["failed"]:
            raise Unusable(f"{url} answered badly: {counts}")
        self.answers = counts["answers"]
        self.rate = counts["answers"] / counts["seconds"]
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        #: Of one core.
        self.processor_share = processor / counts["seconds"]


# MARK: Figures


@dataclass
class Row:
    """One line of the table. `ratio` is how much better than the peer; without a peer `ours` is held to the goal."""

    work: str
    ours: str
    peer: str = ""
    theirs: str = ""
    ratio: float | None = None
    goal: float | None = None
    is_met: bool | None = None
    remark: str = ""

    @property
    def verdict(self) -> str:
        met = self.is_met
        if met is None and self.ratio is not None and self.goal is not None:
            met = self.ratio >= self.goal
        return "" if met is None else "met" if met else "MISSED"


def in_turns(sides: dict[str, object], runs: int = RUNS) -> dict[str, float]:
    """Runs every side once in each round, and gives the medians."""
    results: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(1, runs + 1):
        for name, measure in sides.items():
            results[name].append(measure())
        say(f"run {number}: " + ", ".join(f"{name} {figures[-1]:,.0f}/s" for name, figures in results.items()))
    return {name: statistics.median(figures) for name, figures in results.items()}


def table(rows: list[Row]) -> str:
    head = ["work", "Souk", "beside", "its figure", "ratio", "goal", ""]
    lines = [head] + [
        [
            row.work, row.ours, row.peer, row.theirs, "" if row.ratio is None else f"{row.ratio:.2f}",
            "" if row.goal is None else f"{row.goal:g}", row.verdict,
        ]  # fmt: skip
        for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:], *(f"  {row.work}: {row.remark}" for row in rows if row.remark)])
