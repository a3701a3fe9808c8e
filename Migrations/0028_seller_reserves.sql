-- A part of what a seller gets of an order stays with the platform for some days after the payment.

-- What an admin says of a seller; no row: nothing is held back. Orders keep what was in force when they were placed.
CREATE TABLE reserve_policies (
    seller_id text PRIMARY KEY REFERENCES sellers (id),
    basis_points bigint NOT NULL CHECK (basis_points BETWEEN 1 AND 10000),
    days bigint NOT NULL CHECK (days BETWEEN 1 AND 365),
    updated_at timestamptz NOT NULL
);

ALTER TABLE order_sellers
    ADD COLUMN reserve_basis_points bigint CHECK (reserve_basis_points BETWEEN 1 AND 10000),
    ADD COLUMN reserve_days bigint CHECK (reserve_days BETWEEN 1 AND 365),
    ADD CHECK ((reserve_basis_points IS NULL) = (reserve_days IS NULL));

ALTER TABLE transfers DROP CONSTRAINT transfers_purpose_check;
ALTER TABLE transfers ADD CONSTRAINT transfers_purpose_check
    CHECK (purpose IN ('share', 'reserve', 'return', 'adjustment'));

-- What was held back of one seller's share of one order when it was paid, and the transfer that moves it afterwards.
CREATE TABLE reserves (
    transfer_id text PRIMARY KEY REFERENCES transfers (id),
    order_id text NOT NULL REFERENCES orders (id),
    seller_id text NOT NULL REFERENCES sellers (id),
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    held_at timestamptz NOT NULL,
    release_at timestamptz NOT NULL,
    -- When it stopped being held back, and how much of it was left then.
    released_at timestamptz,
    released_minor bigint CHECK (released_minor BETWEEN 0 AND amount_minor),
    UNIQUE (order_id, seller_id),
    CHECK ((released_at IS NULL) = (released_minor IS NULL))
);
CREATE INDEX reserves_seller_held ON reserves (seller_id, release_at) WHERE released_at IS NULL;

-- What of the line's share is held back. It goes with a transfer of its own; null where it goes with the rest of the share,
-- because that was still with the platform when the date passed.
ALTER TABLE order_lines
    ADD COLUMN reserve_minor bigint NOT NULL DEFAULT 0 CHECK (reserve_minor BETWEEN 0 AND greatest(seller_minor, 0)),
    ADD COLUMN reserve_transfer_id text REFERENCES transfers (id);
CREATE INDEX order_lines_reserve_transfer ON order_lines (reserve_transfer_id) WHERE reserve_transfer_id IS NOT NULL;

-- What a refund or a dispute takes of what was held back of the line, a part of seller_minor, and whether it was payable by
-- then because its date had passed.
ALTER TABLE refund_lines
    ADD COLUMN reserve_minor bigint NOT NULL DEFAULT 0 CHECK (reserve_minor >= 0),
    ADD COLUMN reserve_released boolean NOT NULL DEFAULT false;
ALTER TABLE dispute_lines
    ADD COLUMN reserve_minor bigint NOT NULL DEFAULT 0 CHECK (reserve_minor >= 0),
    ADD COLUMN reserve_released boolean NOT NULL DEFAULT false;

ALTER TABLE dispute_sellers
    ADD COLUMN reserve_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN returned_reserve_minor bigint,
    DROP CONSTRAINT dispute_sellers_check,
    DROP CONSTRAINT dispute_sellers_check1;
UPDATE dispute_sellers SET returned_reserve_minor = 0 WHERE returned_payable_minor IS NOT NULL;
ALTER TABLE dispute_sellers
    ADD CONSTRAINT dispute_sellers_returned_together
        CHECK (num_nonnulls(returned_payable_minor, returned_receivable_minor, returned_reserve_minor) IN (0, 3)),
    ADD CONSTRAINT dispute_sellers_returned_whole
        CHECK (returned_payable_minor + returned_receivable_minor + returned_reserve_minor
            = payable_minor + receivable_minor + reserve_minor);

CREATE OR REPLACE VIEW line_takings AS
SELECT f.line_id, r.order_id, r.currency, f.amount_minor, f.seller_minor, f.platform_fee_minor, f.tax_minor,
    f.platform_sales_minor, f.platform_discount_minor, f.transfer_id, f.reserve_minor
FROM refund_lines f JOIN refunds r ON r.id = f.refund_id WHERE r.claims AND r.stripe_id IS NOT NULL
UNION ALL
SELECT l.line_id, d.order_id, d.currency, l.amount_minor, l.seller_minor, l.platform_fee_minor, l.tax_minor,
    l.platform_sales_minor, l.platform_discount_minor, l.transfer_id, l.reserve_minor
FROM dispute_lines l JOIN disputes d ON d.id = l.dispute_id WHERE d.reinstated_at IS NULL;

-- The parts in which a line's share goes to its seller: what is held back of it, and the rest. Of each, which transfer moves
-- it, what was taken of it while it was with the platform, and what was taken after a transfer had taken it away.
CREATE VIEW share_parts AS
SELECT l.id AS line_id, l.order_id, l.seller_id, l.transfer_id,
    l.seller_minor - CASE WHEN l.reserve_transfer_id IS NULL THEN 0 ELSE l.reserve_minor END AS share_minor,
    (coalesce(f.taken, 0) + CASE WHEN l.reserve_transfer_id IS NULL THEN coalesce(f.reserve, 0) ELSE 0 END)::bigint
        AS taken_minor,
    coalesce(f.owed, 0)::bigint AS owed_minor
FROM order_lines l CROSS JOIN LATERAL (
    SELECT sum(f.seller_minor - f.reserve_minor) FILTER (WHERE f.transfer_id IS NULL) AS taken,
        sum(f.seller_minor - f.reserve_minor) FILTER (WHERE f.transfer_id IS NOT NULL) AS owed,
        sum(f.reserve_minor) AS reserve
    FROM line_takings f WHERE f.line_id = l.id
) AS f
WHERE l.seller_id IS NOT NULL
UNION ALL
SELECT l.id, l.order_id, l.seller_id, l.reserve_transfer_id, l.reserve_minor,
    (SELECT coalesce(sum(f.reserve_minor), 0)::bigint FROM line_takings f WHERE f.line_id = l.id), 0
FROM order_lines l WHERE l.reserve_transfer_id IS NOT NULL;

-- What of each reserve is still held back, by what was taken of it.
CREATE VIEW reserves_held AS
SELECT r.transfer_id, r.order_id, r.seller_id, r.currency, r.release_at, (
    r.amount_minor - coalesce((
        SELECT sum(f.reserve_minor) FROM line_takings f JOIN order_lines l ON l.id = f.line_id
        WHERE l.reserve_transfer_id = r.transfer_id), 0))::bigint AS held_minor
FROM reserves r WHERE r.released_at IS NULL;
