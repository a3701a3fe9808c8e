-- Money that goes back after sellers were paid: what is taken back of their transfers, and what they are given again.

-- What one cause takes back of one transfer, by one call.
CREATE TABLE recoveries (
    -- Also that of the reversal which it makes.
    id text PRIMARY KEY,
    operation_id text NOT NULL UNIQUE,
    order_id text NOT NULL REFERENCES orders (id),
    charge_id text NOT NULL REFERENCES charges (id),
    seller_id text NOT NULL REFERENCES sellers (id),
    -- Null for the transfer that Stripe made with a destination charge.
    transfer_id text REFERENCES transfers (id),
    cause text NOT NULL CHECK (cause IN ('refund', 'dispute', 'late_failure', 'request')),
    refund_id text REFERENCES refunds (id),
    dispute_id text REFERENCES disputes (id),
    currency text NOT NULL,
    -- At most; it never takes more than the seller owes by then.
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    -- What the call takes, fixed when it leaves 'held'.
    taking_minor bigint CHECK (taking_minor > 0),
    -- Only what a caller asked for has these.
    external_id text,
    request jsonb,
    metadata jsonb,
    -- Stripe's word for why it refused what a caller asked for.
    failure_code text,
    created_at timestamptz NOT NULL,
    CHECK ((cause = 'refund') = (refund_id IS NOT NULL)),
    CHECK ((cause = 'dispute') = (dispute_id IS NOT NULL)),
    CHECK ((cause = 'request') = (request IS NOT NULL)),
    CHECK ((cause = 'request') = (metadata IS NOT NULL)),
    CHECK (cause = 'request' OR (external_id IS NULL AND failure_code IS NULL))
);
CREATE INDEX recoveries_order ON recoveries (order_id, seller_id);
CREATE INDEX recoveries_transfer ON recoveries (transfer_id) WHERE transfer_id IS NOT NULL;
-- One that Stripe refused never was: the same id may ask again.
CREATE UNIQUE INDEX recoveries_external_id_key ON recoveries (external_id)
    WHERE external_id IS NOT NULL AND failure_code IS NULL;

INSERT INTO recoveries (id, operation_id, order_id, charge_id, seller_id, cause, refund_id, currency, amount_minor,
    taking_minor, created_at)
SELECT 'rev' || substr(o.id, 4), o.id, r.order_id, r.charge_id, c.seller_id, 'refund', r.id, r.currency,
    r.reversal_minor, CASE WHEN o.state IN ('pending', 'sent') THEN r.reversal_minor END, o.created_at
FROM stripe_operations o JOIN refunds r ON r.id = o.subject_id JOIN charges c ON c.id = r.charge_id
WHERE o.kind = 'reverse_transfer' AND r.reversal_minor > 0;

-- What Souk's own transfers are for: lines' shares, what was taken from a seller and turned out to be theirs, or what the platform
-- gives them without an order.
ALTER TABLE transfers ADD COLUMN purpose text CHECK (purpose IN ('share', 'return', 'adjustment'));
UPDATE transfers SET purpose = 'share' WHERE operation_id IS NOT NULL;
ALTER TABLE transfers ADD CHECK ((operation_id IS NULL) = (purpose IS NULL));

-- Who bears a dispute, frozen when the order is placed.
ALTER TABLE orders ADD COLUMN dispute_bearer text NOT NULL DEFAULT 'platform'
    CHECK (dispute_bearer IN ('platform', 'seller'));
ALTER TABLE orders ALTER COLUMN dispute_bearer DROP DEFAULT;

ALTER TABLE disputes
    -- When its parts were claimed from those who bear it; null for never.
    ADD COLUMN claimed_at timestamptz,
    -- It had been booked as lost by then.
    ADD COLUMN claimed_after_loss boolean,
    -- When the marketplace was told that the time for evidence runs out.
    ADD COLUMN reminded_at timestamptz,
    ADD CHECK ((claimed_at IS NULL) = (claimed_after_loss IS NULL)),
    ADD CHECK (claimed_at IS NULL OR withdrawn_at IS NOT NULL);
CREATE INDEX disputes_evidence_due ON disputes (evidence_due_at) WHERE reminded_at IS NULL;

-- What a dispute claims of each line, as a refund takes it.
CREATE TABLE dispute_lines (
    dispute_id text NOT NULL REFERENCES disputes (id),
    line_id text NOT NULL REFERENCES order_lines (id),
    amount_minor bigint NOT NULL,
    seller_minor bigint NOT NULL,
    platform_fee_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    platform_sales_minor bigint NOT NULL,
    platform_discount_minor bigint NOT NULL,
    -- The transfer that had taken the line's share away, so that the seller owes the part.
    transfer_id text REFERENCES transfers (id),
    PRIMARY KEY (dispute_id, line_id),
    CHECK (amount_minor = seller_minor + platform_fee_minor + tax_minor + platform_sales_minor - platform_discount_minor)
);
CREATE INDEX dispute_lines_line ON dispute_lines (line_id);

-- Out of what each seller's part came, and into what it went when the dispute was won.
CREATE TABLE dispute_sellers (
    dispute_id text NOT NULL REFERENCES disputes (id),
    seller_id text NOT NULL REFERENCES sellers (id),
    payable_minor bigint NOT NULL,
    receivable_minor bigint NOT NULL,
    returned_payable_minor bigint,
    returned_receivable_minor bigint,
    PRIMARY KEY (dispute_id, seller_id),
    CHECK ((returned_payable_minor IS NULL) = (returned_receivable_minor IS NULL)),
    CHECK (returned_payable_minor + returned_receivable_minor = payable_minor + receivable_minor)
);

-- What refunds that Stripe has and disputes that were not won take of lines.
CREATE VIEW line_takings AS
SELECT f.line_id, r.order_id, r.currency, f.amount_minor, f.seller_minor, f.platform_fee_minor, f.tax_minor,
    f.platform_sales_minor, f.platform_discount_minor, f.transfer_id
FROM refund_lines f JOIN refunds r ON r.id = f.refund_id WHERE r.claims AND r.stripe_id IS NOT NULL
UNION ALL
SELECT l.line_id, d.order_id, d.currency, l.amount_minor, l.seller_minor, l.platform_fee_minor, l.tax_minor,
    l.platform_sales_minor, l.platform_discount_minor, l.transfer_id
FROM dispute_lines l JOIN disputes d ON d.id = l.dispute_id WHERE d.reinstated_at IS NULL;
