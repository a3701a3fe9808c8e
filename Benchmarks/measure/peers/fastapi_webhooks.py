"""What a careful Python team would write for the same job: signature checked, both rows committed, then 200."""

import contextlib
import json
import os

import asyncpg
import fastapi
import stripe

SECRET = os.environ["WEBHOOK_SECRET"]
INSERT = """
    WITH ids AS (
        INSERT INTO inbox_event_ids AS i (event_id, received_at, object_key, state, source, due_at)
        VALUES ($1, now(), $2, 'waiting', 'delivery', now())
        ON CONFLICT (event_id) DO UPDATE SET deliveries = i.deliveries + 1
        RETURNING received_at, deliveries = 1 AS is_new
    )
    INSERT INTO inbox_events (received_at, event_id, endpoint, type, object_id, object_type, created_at, livemode,
        api_version, body)
    SELECT received_at, $1, 'platform', $3, $2, $4, to_timestamp($5), $6, $7, $8 FROM ids WHERE is_new
"""


@contextlib.asynccontextmanager
async def lifespan(app: fastapi.FastAPI):
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=16, max_size=16) as app.state.pool:
        yield


app = fastapi.FastAPI(lifespan=lifespan)


@app.get("/readyz")
async def ready():
    return await app.state.pool.fetchval("SELECT 1")


@app.post("/webhooks/stripe")
async def accept(request: fastapi.Request):
    body = await request.body()
    try:
        stripe.WebhookSignature.verify_header(body.decode(), request.headers["stripe-signature"], SECRET, 300)
    except stripe.SignatureVerificationError:
        return fastapi.Response(status_code=400)
    event = json.loads(body)
    thing = event["data"]["object"]
    await app.state.pool.execute(
        INSERT, event["id"], thing["id"], event["type"], thing["object"], event["created"], event["livemode"],
        event["api_version"], body,
    )  # fmt: skip
    return fastapi.Response(status_code=200)
