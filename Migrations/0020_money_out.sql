-- Control over what leaves: limits for each API key and day, a second person's word above them, one switch for all of it.

ALTER TABLE stripe_operations
    -- The API key on whose behalf it is made; null for what Souk does by its rules and for the shell.
    ADD COLUMN asked_by text;

-- How much one API key may let out. Only one row holds for a kind and a currency: the key's own, else that of every key.
CREATE TABLE money_out_limits (
    id text PRIMARY KEY,
    -- Null: for each key that has no limit of its own.
    api_key_id text REFERENCES api_keys (id),
    kind text NOT NULL CHECK (kind IN ('refund', 'transfer', 'payout', 'adjustment')),
    currency text NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
    -- In one operation, and on one day (UTC) in all; null for no limit of that sort.
    per_operation_minor bigint CHECK (per_operation_minor >= 0),
    per_day_minor bigint CHECK (per_day_minor >= 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK (num_nonnulls(per_operation_minor, per_day_minor) > 0),
    CONSTRAINT money_out_limits_key UNIQUE NULLS NOT DISTINCT (api_key_id, kind, currency)
);

-- What keys have asked to let out: counted against the limits, and where above them what a second person said.
CREATE TABLE money_out (
    operation_id text PRIMARY KEY REFERENCES stripe_operations (id),
    kind text NOT NULL CHECK (kind IN ('refund', 'transfer', 'payout', 'adjustment')),
    asked_by text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    counted_at timestamptz NOT NULL,
    -- Null for what is within the limits.
    approval text CHECK (approval IN ('needed', 'approved', 'refused')),
    -- Which limit it is above, as a sentence.
    excess text,
    -- The key of the second person, or the shell.
    decided_by text,
    decision_reason text,
    decided_at timestamptz,
    CHECK ((approval IS NULL) = (excess IS NULL)),
    CHECK (num_nonnulls(decided_by, decision_reason, decided_at)
        = CASE WHEN approval IN ('approved', 'refused') THEN 3 ELSE 0 END)
);
CREATE INDEX money_out_counted ON money_out (asked_by, kind, currency, counted_at) WHERE approval IS NULL;
CREATE INDEX money_out_waiting ON money_out (operation_id) WHERE approval = 'needed';

-- One row. While it is held nothing that leaves is sent, by any process: each send holds a share of the row.
CREATE TABLE money_out_switch (
    id boolean PRIMARY KEY CHECK (id),
    held_at timestamptz,
    held_by text,
    reason text,
    CHECK (num_nonnulls(held_at, held_by, reason) IN (0, 3))
);
INSERT INTO money_out_switch (id) VALUES (true);

-- What the platform gives a seller without an order. The transfer that moves it is out of no charge.
CREATE TABLE adjustments (
    id text PRIMARY KEY,
    -- The marketplace's own id.
    external_id text CONSTRAINT adjustments_external_id_key UNIQUE,
    seller_id text NOT NULL REFERENCES sellers (id),
    reason text NOT NULL CHECK (reason IN ('goodwill', 'bonus', 'correction')),
    description text,
    metadata jsonb NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    transfer_id text NOT NULL UNIQUE REFERENCES transfers (id),
    -- Since when it is owed; null while a second person has yet to agree, and where one refused.
    booked_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE INDEX adjustments_seller ON adjustments (seller_id, id);

-- Which part of later shares pays what sellers owe: the newest of a seller, else the newest of nobody's.
CREATE TABLE netting_policies (
    id text PRIMARY KEY,
    seller_id text REFERENCES sellers (id),
    percent_bps bigint NOT NULL CHECK (percent_bps BETWEEN 0 AND 10000),
    created_at timestamptz NOT NULL
);
CREATE INDEX netting_policies_seller ON netting_policies (seller_id, created_at DESC, id DESC);

-- Debts of sellers that the platform gave up, each whole.
CREATE TABLE write_offs (
    id text PRIMARY KEY,
    seller_id text NOT NULL REFERENCES sellers (id),
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    reason text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX write_offs_seller ON write_offs (seller_id, id);
