-- Souk's own events, written in the transaction of the change, and their way to the marketplace.

CREATE TABLE outbox_events (
    id text PRIMARY KEY,
    -- Business time of the change.
    created_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    type text NOT NULL,
    -- The id of the object that changed.
    about text NOT NULL,
    -- The object as it was after the change, exactly as it is sent.
    object json NOT NULL
);

CREATE INDEX outbox_events_type ON outbox_events (type, id);
CREATE INDEX outbox_events_about ON outbox_events (about, id);

CREATE TABLE event_destinations (
    id text PRIMARY KEY,
    created_at timestamptz NOT NULL,
    url text NOT NULL,
    description text,
    -- Exact types, `order.*` for all of a family, or `*` for all.
    enabled_events text[] NOT NULL CHECK (cardinality(enabled_events) > 0),
    -- The signing secret, encrypted: never readable from the database alone.
    sealed_secret bytea NOT NULL,
    -- A deleted destination gets nothing more; its deliveries stay readable.
    deleted_at timestamptz
);

CREATE TABLE outbox_deliveries (
    id text PRIMARY KEY,
    event_id text NOT NULL REFERENCES outbox_events (id),
    destination_id text NOT NULL REFERENCES event_destinations (id),
    state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed', 'canceled')),
    attempts integer NOT NULL DEFAULT 0,
    -- Three days after this nobody tries any more.
    started_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz,
    leased_until timestamptz,
    fence bigint NOT NULL DEFAULT 0,
    settled_at timestamptz,
    CONSTRAINT outbox_deliveries_due CHECK ((state = 'waiting') = (due_at IS NOT NULL))
);

CREATE INDEX outbox_deliveries_due_at ON outbox_deliveries (destination_id, due_at) WHERE state = 'waiting';
CREATE INDEX outbox_deliveries_event ON outbox_deliveries (event_id);
CREATE INDEX outbox_deliveries_destination ON outbox_deliveries (destination_id, id);

-- Every attempt that was made, whatever came of it.
CREATE TABLE outbox_attempts (
    delivery_id text NOT NULL REFERENCES outbox_deliveries (id),
    attempt integer NOT NULL,
    attempted_at timestamptz NOT NULL,
    duration_ms bigint NOT NULL,
    -- The destination's HTTP status; null if there was no answer, and then `error` says why.
    status integer,
    error text,
    PRIMARY KEY (delivery_id, attempt)
);
