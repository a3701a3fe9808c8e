-- Contested charges of our orders, as Stripe last showed them, and what the books say of each.
CREATE TABLE disputes (
    id text PRIMARY KEY,
    stripe_id text NOT NULL UNIQUE,
    order_id text NOT NULL REFERENCES orders (id),
    charge_id text NOT NULL REFERENCES charges (id),
    -- Stripe's word; an inquiry's begins with 'warning'.
    status text NOT NULL,
    reason text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    is_charge_refundable boolean NOT NULL,
    -- Null when it cannot be contested.
    evidence_due_at timestamptz,
    has_evidence boolean NOT NULL,
    submissions integer NOT NULL CHECK (submissions >= 0),
    -- When Stripe took the money, gave it back, and gave it up for lost; null for what never was. A dispute that was lost
    -- may still be won, by appeal.
    withdrawn_at timestamptz,
    reinstated_at timestamptz,
    lost_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK (withdrawn_at IS NOT NULL OR (reinstated_at IS NULL AND lost_at IS NULL))
);
CREATE INDEX disputes_order ON disputes (order_id, id);
CREATE INDEX disputes_charge ON disputes (charge_id);
CREATE INDEX disputes_status ON disputes (status, id);

-- A row of a dispute leads to the dispute, as one of a payout leads to the payout.
ALTER TABLE awaited_entries ADD COLUMN dispute text;
ALTER TABLE awaited_entries DROP CONSTRAINT awaited_entries_check;
ALTER TABLE awaited_entries ADD CONSTRAINT awaited_entries_one_origin CHECK (num_nonnulls(order_id, payout, dispute) = 1);
