-- What support staff do in Stripe's Dashboard on our charges becomes rows of ours; and a row of Stripe's books leads to
-- its business entry even if no event ever told of it.

CREATE TABLE transfer_reversals (
    id text PRIMARY KEY,
    stripe_id text NOT NULL UNIQUE,
    order_id text NOT NULL REFERENCES orders (id),
    charge_id text NOT NULL REFERENCES charges (id),
    -- 'stripe' was made in Stripe's Dashboard.
    origin text NOT NULL CHECK (origin IN ('souk', 'stripe')),
    operation_id text,
    -- Stripe's id of the refund that took it along, where reverse_transfer was asked for.
    stripe_refund text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    created_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX transfer_reversals_charge ON transfer_reversals (charge_id);

CREATE TABLE fee_refunds (
    id text PRIMARY KEY,
    stripe_id text NOT NULL UNIQUE,
    order_id text NOT NULL REFERENCES orders (id),
    charge_id text NOT NULL REFERENCES charges (id),
    origin text NOT NULL CHECK (origin IN ('souk', 'stripe')),
    operation_id text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    created_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX fee_refunds_charge ON fee_refunds (charge_id);

-- Business entries that must exist because Stripe booked a row: until one is there, its object is read again.
CREATE TABLE awaited_entries (
    cause text PRIMARY KEY,
    -- The balance whose row asks for it.
    stripe_account text NOT NULL,
    -- The order whose payment tells it; null for a payout.
    order_id text,
    payout text,
    since timestamptz NOT NULL,
    CHECK ((order_id IS NULL) <> (payout IS NULL))
);
CREATE INDEX awaited_entries_account ON awaited_entries (stripe_account, since);

-- A reversal and a fee refund are known by the rows' source: their subject is the transfer or the fee.
CREATE INDEX balance_transactions_source ON balance_transactions (source_id) WHERE source_id IS NOT NULL;

-- Findings that no run made: each object that was made at Stripe without Souk, once.
ALTER TABLE reconciliation_findings ALTER COLUMN reconciliation_id DROP NOT NULL;
CREATE UNIQUE INDEX reconciliation_findings_without_run ON reconciliation_findings (kind, stripe_account, object_id)
    WHERE reconciliation_id IS NULL;
CREATE INDEX reconciliation_findings_open ON reconciliation_findings (id) WHERE status = 'open';
