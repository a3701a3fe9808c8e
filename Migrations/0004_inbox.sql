-- Stripe's events, as they came. Written by Webhooks, read by the worker, the look-up of operations and the admin API.

-- The dedupe key of every event ever received, and how far its handling is. Narrow on purpose: it is read for each
-- delivery and rewritten while the event is handled, and neither touches the body.
CREATE TABLE inbox_event_ids (
    event_id text PRIMARY KEY,
    received_at timestamptz NOT NULL,
    -- What the event is about: events with the same key are handled one at a time.
    object_key text NOT NULL,
    state text NOT NULL
        CHECK (state IN ('waiting', 'done', 'parked', 'dismissed', 'unhandled', 'wrong_mode')),
    -- How the event first came: pushed by Stripe, or found by the sweep because it had not been.
    source text NOT NULL CHECK (source IN ('delivery', 'sweep')),
    deliveries integer NOT NULL DEFAULT 1 CHECK (deliveries > 0),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    due_at timestamptz,
    settled_at timestamptz,
    last_error text,
    -- Why an operator replayed or dismissed it.
    reason text,
    CONSTRAINT inbox_event_ids_due CHECK ((state = 'waiting') = (due_at IS NOT NULL))
) WITH (fillfactor = 85);

CREATE INDEX inbox_event_ids_due_at ON inbox_event_ids (due_at) WHERE state = 'waiting';
CREATE INDEX inbox_event_ids_object ON inbox_event_ids (object_key) WHERE state = 'waiting';
CREATE INDEX inbox_event_ids_parked ON inbox_event_ids (received_at) WHERE state = 'parked';

-- The events themselves: written once, never changed. One partition a month, by the time of arrival.
CREATE TABLE inbox_events (
    received_at timestamptz NOT NULL,
    event_id text NOT NULL,
    endpoint text NOT NULL CHECK (endpoint IN ('platform', 'connect')),
    type text NOT NULL,
    account text,
    object_id text,
    object_type text,
    created_at timestamptz NOT NULL,
    livemode boolean NOT NULL,
    api_version text,
    idempotency_key text,
    body bytea NOT NULL,
    PRIMARY KEY (received_at, event_id)
) PARTITION BY RANGE (received_at);

-- An event that names an operation's key proves that the operation took effect.
CREATE INDEX inbox_events_idempotency_key ON inbox_events (idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Rows land here only if nobody made the month's partition in time: nothing is refused for that.
CREATE TABLE inbox_events_default PARTITION OF inbox_events DEFAULT;

-- Makes the partitions of this month and the months after it, and says how many were new. Safe to call at any time
-- and from several processes. A month whose rows already lie in the default partition stays there.
CREATE FUNCTION inbox_make_partitions(months_ahead integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    first_day date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    from_day date;
    to_day date;
    partition_name text;
    made integer := 0;
BEGIN
    FOR month IN 0..months_ahead LOOP
        from_day := (first_day + make_interval(months => month))::date;
        to_day := (first_day + make_interval(months => month + 1))::date;
        partition_name := 'inbox_events_' || to_char(from_day, 'YYYY_MM');
        CONTINUE WHEN to_regclass(partition_name) IS NOT NULL;
        BEGIN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF inbox_events FOR VALUES FROM (%L) TO (%L)',
                partition_name, from_day || ' 00:00:00+00', to_day || ' 00:00:00+00');
            made := made + 1;
        EXCEPTION
            WHEN duplicate_table OR unique_violation OR check_violation THEN
                NULL;
        END;
    END LOOP;
    RETURN made;
END
$$;

SELECT inbox_make_partitions(3);

-- Who handles the events of an object now. The fence grows with every lease: a holder whose lease was taken over
-- finds another number here and changes nothing more.
CREATE SEQUENCE inbox_fence;

CREATE TABLE inbox_leases (
    object_key text PRIMARY KEY,
    fence bigint NOT NULL,
    holder text NOT NULL,
    leased_until timestamptz NOT NULL
);

-- How far the sweep has compared each Stripe account's events with ours; '' is the platform.
CREATE TABLE inbox_sweeps (
    account text PRIMARY KEY,
    swept_until timestamptz NOT NULL,
    swept_at timestamptz NOT NULL DEFAULT now(),
    missing bigint NOT NULL DEFAULT 0
);
