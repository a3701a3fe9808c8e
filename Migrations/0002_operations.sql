-- Every mutating call to Stripe, written down before it is made.

CREATE TABLE stripe_operations (
    id text PRIMARY KEY,
    kind text NOT NULL,
    -- The object of ours that the call is for: a seller, an order, a refund.
    subject_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'held', 'sent', 'succeeded', 'failed', 'needs_review')),
    -- Why it is held, failed or in review, for a person.
    reason text,
    -- At most one operation that has not failed has a given key.
    unique_key text,
    attempt integer NOT NULL DEFAULT 1 CHECK (attempt > 0),
    -- The exact request, stored so that a newer build repeats the same bytes. Null while held.
    method text,
    path text,
    stripe_account text,
    stripe_version text,
    body bytea,
    -- Business time of this attempt's first and last send.
    first_sent_at timestamptz,
    last_sent_at timestamptz,
    sends integer NOT NULL DEFAULT 0,
    -- Since when the effect has been looked up and not found; null while it need not be looked up.
    look_up_since timestamptz,
    -- Whoever holds the lease works on it; database time. The number rises with each lease and fences late writers.
    lease_until timestamptz,
    lease_number bigint NOT NULL DEFAULT 0,
    -- Business time at which a worker looks at it next.
    due_at timestamptz NOT NULL,
    stripe_id text,
    refusal jsonb,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CHECK (state NOT IN ('pending', 'sent', 'succeeded') OR body IS NOT NULL),
    CHECK (state <> 'held' OR (body IS NULL AND reason IS NOT NULL))
);
CREATE UNIQUE INDEX stripe_operations_unique_key ON stripe_operations (unique_key)
    WHERE unique_key IS NOT NULL AND state <> 'failed';
CREATE INDEX stripe_operations_due ON stripe_operations (due_at) WHERE state IN ('pending', 'held', 'sent');
CREATE INDEX stripe_operations_subject ON stripe_operations (subject_id, id);
CREATE INDEX stripe_operations_state ON stripe_operations (state, id);

-- Our copies of Stripe's objects, each refreshed by one function that compares versions.
CREATE TABLE stripe_objects (
    stripe_account text NOT NULL,
    id text NOT NULL,
    kind text NOT NULL,
    version bigint NOT NULL,
    -- What Stripe said last; null for an object that Stripe no longer shows us.
    body bytea,
    gone_reason text,
    refreshed_at timestamptz NOT NULL,
    PRIMARY KEY (stripe_account, id)
);

-- The balances at Stripe whose rows Souk reads, and when each is read next.
CREATE TABLE balance_feeds (
    stripe_account text PRIMARY KEY,
    -- Business time of the next read.
    due_at timestamptz NOT NULL,
    -- Whether something touched the account and its rows are not all read yet.
    wanted boolean NOT NULL DEFAULT true,
    -- Rises with each request, so that one made during a read is not lost.
    requests bigint NOT NULL DEFAULT 1,
    -- Reads since it was last asked for: the exponent of the back-off.
    reads_since_request integer NOT NULL DEFAULT 0,
    last_row_created_at timestamptz,
    last_read_at timestamptz,
    lease_until timestamptz,
    lease_number bigint NOT NULL DEFAULT 0,
    -- Why the account can no longer be read.
    frozen_reason text
);
CREATE INDEX balance_feeds_due ON balance_feeds (due_at) WHERE frozen_reason IS NULL;
