-- What Stripe booked, row by row, and the payouts and transfers that the rows speak of.

CREATE TABLE balance_transactions (
    stripe_account text NOT NULL,
    id text NOT NULL,
    type text NOT NULL,
    category text NOT NULL,
    balance_type text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    net_minor bigint NOT NULL,
    -- Stripe's fee_details as [{"type", "amount"}].
    fees jsonb NOT NULL,
    -- The object that the row is about, as its expanded source told when the row was read.
    subject_kind text NOT NULL,
    subject_id text,
    application_fee_id text,
    source_id text,
    seller_id text,
    order_id text,
    created_at timestamptz NOT NULL,
    available_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (stripe_account, id)
);
CREATE INDEX balance_transactions_created ON balance_transactions (stripe_account, created_at DESC, id);
CREATE INDEX balance_transactions_subject ON balance_transactions (subject_id) WHERE subject_id IS NOT NULL;

-- Rows that must exist because of another one: a sale's transfer and fee, a transfer's mirror in the seller's balance.
CREATE TABLE awaited_rows (
    stripe_account text NOT NULL,
    category text NOT NULL,
    subject_id text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (stripe_account, category, subject_id)
);

CREATE TABLE transfers (
    id text PRIMARY KEY,
    stripe_id text NOT NULL UNIQUE,
    stripe_account text NOT NULL,
    seller_id text,
    order_id text,
    transfer_group text,
    charge_id text,
    destination_payment text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    amount_reversed_minor bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX transfers_seller ON transfers (seller_id, id);
CREATE INDEX transfers_order ON transfers (order_id);
CREATE INDEX transfers_created ON transfers (created_at, stripe_id);
CREATE INDEX transfers_payment ON transfers (destination_payment);

CREATE TABLE payouts (
    id text PRIMARY KEY,
    stripe_id text NOT NULL UNIQUE,
    stripe_account text NOT NULL,
    -- Null for the platform's own.
    seller_id text,
    status text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    automatic boolean NOT NULL,
    method text NOT NULL,
    arrives_at timestamptz NOT NULL,
    failure_code text,
    failure_message text,
    -- Effective times of what is booked: it arrived; it came back, before or after it had arrived.
    paid_at timestamptz,
    returned_at timestamptz,
    returned_after_paid boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX payouts_seller ON payouts (seller_id, id);
CREATE INDEX payouts_status ON payouts (status, arrives_at);

CREATE TABLE reconciliations (
    id text PRIMARY KEY,
    scope text NOT NULL,
    seller_id text,
    period_from timestamptz,
    period_to timestamptz,
    status text NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
    matched bigint NOT NULL DEFAULT 0,
    findings_count bigint NOT NULL DEFAULT 0,
    -- What the balances of the books and of Stripe differ by, per currency, in minor units.
    difference jsonb NOT NULL DEFAULT '{}',
    failure text,
    lease_until timestamptz,
    created_at timestamptz NOT NULL,
    finished_at timestamptz
);

CREATE TABLE reconciliation_findings (
    id text PRIMARY KEY,
    reconciliation_id text NOT NULL REFERENCES reconciliations (id),
    kind text NOT NULL,
    stripe_account text NOT NULL,
    -- Stripe's id of the object, or the ledger account's code.
    object_id text NOT NULL,
    currency text,
    expected_minor bigint,
    actual_minor bigint,
    detail text NOT NULL,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
    created_at timestamptz NOT NULL,
    closed_at timestamptz,
    UNIQUE (reconciliation_id, kind, stripe_account, object_id, currency)
);
CREATE INDEX reconciliation_findings_run ON reconciliation_findings (reconciliation_id, id);
