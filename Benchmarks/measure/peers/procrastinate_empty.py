"""Procrastinate with an empty task: how fast its worker goes through a backlog. Usage: ... JOBS CONCURRENCY."""

import asyncio
import os
import sys
import time

import procrastinate

JOBS, CONCURRENCY = int(sys.argv[1]), int(sys.argv[2])
app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=os.environ["DATABASE_URL"], min_size=4, max_size=CONCURRENCY)
)


@app.task(name="empty")
async def empty(number: int) -> None: ...


async def main() -> None:
    async with app.open_async():
        if sys.argv[3:] == ["--schema"]:
            await app.schema_manager.apply_schema_async()
        await empty.batch_defer_async(*({"number": number} for number in range(JOBS)))
        began = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=CONCURRENCY, install_signal_handlers=False)
        print(time.perf_counter() - began)


asyncio.run(main())
