"""The PostgreSQL client beside pgbench: one indexed read at a time on each of 32 connections; then 16 at once."""

from . import harness
from .harness import PROGRAMS, SECONDS, PGBench, Row, in_turns, say

CONNECTIONS = 32
PIPELINE = 16
SCALE = 10


def measure() -> list[Row]:
    with harness.database("bench_postgres", migrate=False) as database, harness.folder() as folder:
        harness.run([harness.PG_BIN / "pgbench", "-h", harness.PG_SOCKET, "-U", "souk", "-i", "-q", "-s", SCALE, database])
        line = f"\\set aid random(1, {SCALE * 100_000})\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n"
        script = folder / "pipeline.sql"
        script.write_text("\\startpipeline\n" + line * PIPELINE + "\\endpipeline\n")
        return [
            compare(database, 1, PGBench(database, CONNECTIONS, "-S"), 0.8),
            compare(database, PIPELINE, PGBench(database, CONNECTIONS, "-f", str(script)), None),
        ]


def compare(database: str, statements: int, peer: PGBench, goal: float | None) -> Row:
    processor: list[float] = []

    def ours() -> float:
        output = harness.run(
            [PROGRAMS / "PostgresBenchmark", CONNECTIONS, statements, SECONDS, SCALE * 100_000],
            {"DATABASE_URL": harness.address(database)},
        )
        rate, microseconds = output.split()
        processor.append(float(microseconds))
        return float(rate)

    say(f"peer: {peer} ({harness.run([harness.PG_BIN / 'pgbench', '--version']).strip()})")
    medians = in_turns({"Souk": ours, "pgbench": lambda: peer.rate() * statements})
    return Row(
        f"indexed reads/s, {statements} in flight on each of {CONNECTIONS} connections", f"{medians['Souk']:,.0f}",
        "pgbench -S" if statements == 1 else "pgbench, pipelined", f"{medians['pgbench']:,.0f}",
        medians["Souk"] / medians["pgbench"], goal,
        remark=f"{sorted(processor)[len(processor) // 2]:.1f} µs of processor time each in our process",
    )  # fmt: skip
