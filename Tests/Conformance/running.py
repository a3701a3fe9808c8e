"""A whole Souk for the tests: a private PostgreSQL, `souk serve` of the debug build, and its sandbox."""

import contextlib
import copy
import ctypes
import hmac
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from description import ROOT, SOUK as DESCRIPTION

SOUK = ROOT / ".build/debug/souk"
ADMIN_KEY = "souk_test_" + "0123456789abcdef" * 3


def spawn(command, **options):
    """A process that ends with this one, however this one ends."""
    prctl = ctypes.CDLL(None).prctl
    return subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=lambda: prctl(1, signal.SIGTERM), **options)


def clean_environment(**more):
    """Without what the caller has set for a Souk of their own."""
    ours = ("SOUK_", "STRIPE_", "PG")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours) and k != "DATABASE_URL"}
    return kept | {k: str(v) for k, v in more.items()}


def free_port():
    # Below the ephemeral range, so that whatever is killed can come back on its port.
    for port in random.sample(range(21000, 32000), 11000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def wait_until(what, is_so, seconds=60):
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.02)


class Cluster:
    """A PostgreSQL server without a port: a socket in a folder of its own, nothing on disk is waited for."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="souk-conformance-"))
        programs = pathlib.Path(subprocess.check_output(["pg_config", "--bindir"], text=True).strip())
        # PostgreSQL refuses to run as root, so root steps down to the package's own user.
        self.user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        if self.user:
            shutil.chown(self.folder, "postgres", "postgres")
        data = self.folder / "data"
        subprocess.run(
            [programs / "initdb", "-U", "souk", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8", "-D", data],
            check=True, stdout=subprocess.DEVNULL, cwd="/", **self.user)
        settings = {"listen_addresses": "", "unix_socket_directories": self.folder, "fsync": "off", "max_connections": 200}
        self.command = [programs / "postgres", "-D", data] + [f"--{name}={value}" for name, value in settings.items()]
        self.psql = programs / "psql"
        self.start()

    def start(self):
        with open(self.folder / "log", "a") as log:
            self.process = spawn(
                self.command, stdout=log, stderr=subprocess.STDOUT, cwd="/", env=clean_environment(), **self.user)
        wait_until("PostgreSQL answers", lambda: self.run("SELECT 1", check=False).returncode == 0)

    def stop(self):
        """At once, as after a crash."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(60)

    def run(self, sql, database="postgres", check=True):
        return subprocess.run(
            [self.psql, "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "souk", "-d", database, "-c", sql],
            check=check, capture_output=True, text=True, env=clean_environment())

    def database(self, name):
        """Makes an empty database, and answers how it is reached."""
        self.run(f'CREATE DATABASE "{name}"')
        return f"postgresql:///{name}?host={urllib.parse.quote(str(self.folder), safe='')}&user=souk"

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __getitem__(self, name):
        return self.json[name]

    def __repr__(self):
        return f"{self.status} {self.body.decode(errors='replace')}"


class StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(StayHere)


def send(method, url, body=None, headers=None):
    """One HTTP request, of whatever status its answer, redirects too; a body that is not bytes goes as JSON."""
    headers = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with OPENER.open(request, timeout=90) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as refusal:
        return Answer(refusal.code, refusal.headers, refusal.read())


class Souk:
    """`souk serve` on a database of its own; with the sandbox in the same process, unless `stripe` says where Stripe is."""

    def __init__(self, cluster, folder, stripe=None, environment=None):
        self.folder = pathlib.Path(folder)
        self.key = ADMIN_KEY
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.cluster, self.name = cluster, f"souk_{self.port}"
        self.database = cluster.database(self.name)
        settings = {
            "DATABASE_URL": self.database, "SOUK_PORT": self.port, "SOUK_PUBLIC_URL": self.address,
            "SOUK_DATA_DIR": self.folder, "SOUK_ADMIN_KEY": self.key, "SOUK_ALLOW_PRIVATE_ADDRESSES": 1,
            "SOUK_FRAUD_WARNINGS": "hold_release",
        }
        if stripe:
            self.stripe = stripe
            settings |= {"STRIPE_API_BASE": stripe, "STRIPE_SECRET_KEY": "sk_test_conformance"}
        else:
            sandbox_port = free_port()
            self.stripe = f"http://127.0.0.1:{sandbox_port}"
            settings |= {"SOUK_SANDBOX": 1, "SOUK_SANDBOX_PORT": sandbox_port}
        self.environment = clean_environment(**settings, **(environment or {}))
        self.process = None

    def run(self, *arguments, check=True):
        """One command of the program, such as `migrate`."""
        done = subprocess.run(
            [SOUK, *arguments], env=self.environment, cwd=self.folder, capture_output=True, text=True,
            stdin=subprocess.DEVNULL)
        assert not check or done.returncode == 0, f"souk {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done

    def start(self):
        self.run("migrate")
        return self.serve()

    def serve(self):
        with open(self.folder / "souk.log", "a") as log:
            self.process = spawn([SOUK, "serve"], env=self.environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        wait_until("Souk is ready", self.is_ready)
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError("Souk did not start: " + (self.folder / "souk.log").read_text()[-4000:])
        try:
            return send("GET", self.address + "/readyz").status == 200
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        assert self.process.wait(60) == 0, (self.folder / "souk.log").read_text()[-4000:]

    def call(self, method, path, body=None, expect=None, **headers):
        """A call of the API with the admin key; `expect` is the status that its answer must have. Every answer must be as
        openapi/souk.yaml describes it."""
        answer = send(
            method, self.address + path, body,
            {"Authorization": f"Bearer {self.key}"} | {name.replace("_", "-"): value for name, value in headers.items()})
        described = DESCRIPTION.operation(method, path)
        if described and answer.status != 405:
            described.check(answer)
        assert expect is None or answer.status == expect, f"{method} {path}: {answer}"
        return answer

    def sql(self, statement):
        """What the database answers, as psql writes it: rows by line, columns by |."""
        return self.cluster.run(statement, self.name).stdout

    def control(self, method, path, body=None):
        """A control call of the sandbox: what a person or Stripe itself would do."""
        answer = send(method, f"{self.stripe}/_sandbox/{path}", body)
        assert answer.status == 200, f"{method} {path}: {answer}"
        return answer.json

    def settle(self):
        """Returns once neither Stripe nor Souk has anything left to do."""
        for _ in range(2):
            assert self.control("POST", "settle")["settled"]
            # One call waits for some seconds only; what other tests have left behind may take a slow machine longer.
            for _ in range(5):
                answer = self.call("GET", "/readyz?idle=1")
                if answer.status == 200:
                    break
            assert answer.status == 200, answer

    def advance(self, **duration):
        seconds = duration.get("seconds", 0) + 3600 * duration.get("hours", 0) + 86400 * duration.get("days", 0)
        return self.control("POST", "clock/advance", {"seconds": seconds})


def fund_platform(stripe):
    """Gives the platform money of its own, and keeps all that it has: else its bank would get what it owes to sellers."""
    for path, form in [("balance_settings", b"payments[payouts][schedule][interval]=manual"), ("topups", b"amount=100000&currency=usd")]:
        answer = send("POST", f"{stripe}/v1/{path}", form, {
            "Authorization": "Bearer sk_test_dashboard", "Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status == 200, answer


class DeployedSouk(Souk):
    """Souk as it is in production: Stripe is a process of its own, and webhook secrets come from `souk webhooks ensure`."""

    def __init__(self, cluster, folder, environment=None):
        self.stripe_port = free_port()
        self.sandbox = None
        super().__init__(cluster, folder, f"http://127.0.0.1:{self.stripe_port}", {
            "SOUK_ENCRYPTION_KEYS": "0f" * 32, **(environment or {})})

    def start(self):
        self.start_stripe()
        self.run("migrate")
        secrets = self.folder / "secrets"
        self.run("webhooks", "ensure", "--write", str(secrets))
        self.secrets = dict(line.split("=", 1) for line in secrets.read_text().split())
        self.environment |= self.secrets
        return super().start()

    def start_stripe(self):
        command = [SOUK, "sandbox", "--port", self.stripe_port, "--data", self.folder / "stripe"]
        self.sandbox = spawn(command, env=clean_environment(), cwd=ROOT, stdout=subprocess.DEVNULL)
        wait_until("the sandbox answers", self.stripe_answers)

    def stripe_answers(self):
        try:
            return send("GET", f"{self.stripe}/_sandbox/clock").status == 200
        except OSError:
            return False

    def stop_stripe(self):
        self.sandbox.kill()
        self.sandbox.wait()

    @contextlib.contextmanager
    def without_stripe(self):
        """Stripe is away, and comes back with all that it has said."""
        self.stop_stripe()
        yield
        self.start_stripe()

    @contextlib.contextmanager
    def without_database(self):
        self.cluster.stop()
        yield
        self.cluster.start()
        wait_until("Souk has its database again", self.is_ready)

    def faults(self, *rules):
        """What goes wrong at Stripe from now on; without rules, nothing."""
        assert send("PUT", f"{self.stripe}/_sandbox/faults", {"rules": rules}).status == 200

    def beside(self, environment):
        """Another process of this Souk, on the same database."""
        other = copy.copy(self)
        other.port = free_port()
        other.address = f"http://127.0.0.1:{other.port}"
        other.environment = self.environment | {k: str(v) for k, v in environment.items()} | {"SOUK_PORT": str(other.port)}
        other.folder = self.folder / f"beside-{other.port}"
        other.folder.mkdir()
        other.serve()
        other.stop = lambda: Souk.stop(other)
        return other

    def stop(self):
        super().stop()
        self.stop_stripe()

    def deliver(self, event, endpoint=""):
        """Delivers an event as Stripe does, signed; `endpoint` is /connect for those of connected accounts."""
        body = json.dumps(event).encode() if not isinstance(event, bytes) else event
        secret = self.secrets["STRIPE_CONNECT_WEBHOOK_SECRETS" if endpoint else "STRIPE_WEBHOOK_SECRETS"]
        now = int(time.time())
        signature = hmac.new(secret.encode(), f"{now}.".encode() + body, "sha256").hexdigest()
        return send("POST", f"{self.address}/webhooks/stripe{endpoint}", body, {
            "Content-Type": "application/json", "Stripe-Signature": f"t={now},v1={signature}"})
