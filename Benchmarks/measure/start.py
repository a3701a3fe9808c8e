"""From the start of the stripped, static release binary to its first 200, and its memory when idle, with Souk and its
sandbox in one process, beside an empty Hummingbird server built alike."""

import shutil
import statistics
import time

from . import harness
from .harness import PROGRAMS, Program, Row, Unusable, say

STARTS = 9
IDLE_SECONDS = 2


def measure() -> list[Row]:
    with harness.database("bench_start") as database, harness.folder() as folder:
        programs = {}
        for name in ("souk", "EmptyServerBenchmark"):
            programs[name] = folder / name
            shutil.copy(PROGRAMS / name, programs[name])
            harness.run(["strip", programs[name]])
        for place in ("Migrations", "openapi"):
            (folder / place).symlink_to(harness.HERE.parents[1] / place)
        say("sizes: " + ", ".join(f"{name} {path.stat().st_size / 1e6:.0f} MB" for name, path in programs.items()))

        port, sandbox_port = harness.free_port(), harness.free_port()

        def souk() -> Program:
            return Program([programs["souk"], "serve"], {
                "DATABASE_URL": harness.address(database), "SOUK_SANDBOX": "1", "SOUK_PORT": str(port),
                "SOUK_SANDBOX_PORT": str(sandbox_port), "SOUK_DATA_DIR": str(folder / "data"),
                "SOUK_ADMIN_KEY": harness.ADMIN_KEY, "SOUK_LOG_LEVEL": "warning",
            }, ready=f"http://127.0.0.1:{port}/readyz")  # fmt: skip

        def empty() -> Program:
            port = harness.free_port()
            return Program([programs["EmptyServerBenchmark"], port], ready=f"http://127.0.0.1:{port}/readyz")

        times: dict[str, list[float]] = {"Souk": [], "empty": []}
        memory: dict[str, list[float]] = {"Souk": [], "empty": []}
        for _ in range(STARTS):
            for name, start in {"Souk": souk, "empty": empty}.items():
                with start() as program:
                    if program.ready_after is None:
                        raise Unusable(f"{name} was not waited for")
                    times[name].append(program.ready_after * 1000)
                    time.sleep(IDLE_SECONDS)  # idle is what is measured
                    memory[name].append(program.resident_megabytes())
    ready = {name: statistics.median(figures) for name, figures in times.items()}
    resident = {name: statistics.median(figures) for name, figures in memory.items()}
    peer = "empty Hummingbird server"
    return [
        Row("start to ready, ms", f"{ready['Souk']:.0f}", peer, f"{ready['empty']:.0f}", goal=150,
            is_met=ready["Souk"] <= 150, remark=f"median of {STARTS}"),
        Row("idle RSS, MB", f"{resident['Souk']:.0f}", peer, f"{resident['empty']:.0f}", goal=64,
            is_met=resident["Souk"] <= 64),
    ]  # fmt: skip
