-- Warnings of banks that a payment of ours may be fraudulent, as Stripe last showed them, and what was done about each.
CREATE TABLE fraud_warnings (
    id text PRIMARY KEY,
    stripe_id text NOT NULL UNIQUE,
    order_id text NOT NULL REFERENCES orders (id),
    -- Not among the charges while it is only authorized.
    charge_id text NOT NULL,
    -- Stripe's word.
    fraud_type text NOT NULL,
    -- Neither wholly refunded nor disputed, by Stripe.
    actionable boolean NOT NULL,
    -- The policy when it became known, and what was done then, in the same transaction: once.
    policy text NOT NULL CHECK (policy IN ('none', 'refund', 'hold_release')),
    action text NOT NULL CHECK (action IN ('none', 'refund', 'hold')),
    refund_id text REFERENCES refunds (id),
    -- When a person let the shares go that it held, and why.
    released_at timestamptz,
    release_reason text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((action = 'refund') = (refund_id IS NOT NULL)),
    CHECK (num_nonnulls(released_at, release_reason) IN (0, 2)),
    CHECK (released_at IS NULL OR action = 'hold')
);
CREATE INDEX fraud_warnings_order ON fraud_warnings (order_id, id);
