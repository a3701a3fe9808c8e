-- One charge for several sellers: who gets what of an order and when, and the transfers that take it there.

CREATE TABLE order_sellers (
    order_id text NOT NULL REFERENCES orders (id),
    seller_id text NOT NULL REFERENCES sellers (id),
    -- The seller's account when the order was placed: where the money goes.
    stripe_account text NOT NULL,
    -- The seller's share, as the order's lines divide it.
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    PRIMARY KEY (order_id, seller_id)
);
CREATE INDEX order_sellers_seller ON order_sellers (seller_id, order_id);
INSERT INTO order_sellers (order_id, seller_id, stripe_account, amount_minor)
SELECT id, seller_id, stripe_account, amount_minor - application_fee_minor FROM orders;
DO $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM orders o LEFT JOIN order_sellers s ON s.order_id = o.id
        WHERE s.amount_minor IS DISTINCT FROM (SELECT sum(seller_minor) FROM order_lines l WHERE l.order_id = o.id))
    THEN RAISE EXCEPTION 'an order''s share is not what its lines say: run souk doctor --books with the version before';
    END IF;
END
$$;

-- An order of separate charges has no one seller, and its charge goes to no one account.
DROP INDEX orders_seller;
ALTER TABLE orders
    ALTER COLUMN seller_id DROP NOT NULL,
    ALTER COLUMN stripe_account DROP NOT NULL,
    ADD COLUMN release_on text NOT NULL DEFAULT 'payment' CHECK (release_on IN ('payment', 'fulfilment', 'delay')),
    ADD COLUMN release_days integer CHECK (release_days > 0),
    ADD CHECK ((charge_shape = 'separate') = (seller_id IS NULL)),
    ADD CHECK ((charge_shape = 'separate') = (stripe_account IS NULL)),
    ADD CHECK ((release_on = 'delay') = (release_days IS NOT NULL));
ALTER TABLE orders ALTER COLUMN release_on DROP DEFAULT;
ALTER TABLE charges
    ALTER COLUMN seller_id DROP NOT NULL,
    ALTER COLUMN stripe_account DROP NOT NULL,
    ADD CHECK ((seller_id IS NULL) = (stripe_account IS NULL));

-- A transfer of Souk's exists before Stripe has it. Those of destination charges Stripe makes by itself.
DROP INDEX transfers_created;
ALTER TABLE transfers
    ALTER COLUMN stripe_id DROP NOT NULL,
    ALTER COLUMN amount_minor DROP NOT NULL,
    -- 'held' waits, and its amount is not computed; 'pending' is on its way to Stripe; 'canceled' had nothing left to move.
    ADD COLUMN state text NOT NULL DEFAULT 'paid' CHECK (state IN ('held', 'pending', 'paid', 'canceled')),
    ADD COLUMN operation_id text UNIQUE,
    -- What the seller is no longer owed once it has ended: its amount, and what refunds took meanwhile as a debt.
    ADD COLUMN payable_minor bigint,
    -- When Stripe made it.
    ADD COLUMN made_at timestamptz;
UPDATE transfers SET made_at = created_at;
ALTER TABLE transfers
    ALTER COLUMN state DROP DEFAULT,
    ADD CHECK (state = 'paid' OR operation_id IS NOT NULL),
    ADD CHECK (state <> 'paid' OR (stripe_id IS NOT NULL AND amount_minor > 0 AND made_at IS NOT NULL)),
    ADD CHECK (state <> 'paid' OR operation_id IS NULL OR payable_minor IS NOT NULL),
    ADD CHECK (state <> 'held' OR (amount_minor IS NULL AND payable_minor IS NULL)),
    ADD CHECK (state <> 'canceled' OR (amount_minor IS NULL AND payable_minor IS NOT NULL));
CREATE INDEX transfers_made ON transfers (made_at, stripe_id);

ALTER TABLE order_lines
    -- When the seller's share of the line is let go, or was; null until somebody says so.
    ADD COLUMN released_at timestamptz,
    ADD COLUMN transfer_id text REFERENCES transfers (id);
CREATE INDEX order_lines_transfer ON order_lines (transfer_id) WHERE transfer_id IS NOT NULL;

-- The transfer that had taken the line's share away when the refund was booked, so that the seller owes the part; null
-- while the share was still with the platform, and for destination charges, whose shares go with the charge.
ALTER TABLE refund_lines ADD COLUMN transfer_id text REFERENCES transfers (id);

-- Stripe's id of the transfer that it took back from: a separate charge has many.
ALTER TABLE transfer_reversals ADD COLUMN stripe_transfer text;
UPDATE transfer_reversals r SET stripe_transfer = c.transfer_id FROM charges c WHERE c.id = r.charge_id;
ALTER TABLE transfer_reversals ALTER COLUMN stripe_transfer SET NOT NULL;
CREATE INDEX transfer_reversals_transfer ON transfer_reversals (stripe_transfer);

-- The object of ours whose change may let a held operation go: it is looked at as soon as that changes.
ALTER TABLE stripe_operations ADD COLUMN waits_for text;
CREATE INDEX stripe_operations_waiting ON stripe_operations (waits_for) WHERE state = 'held' AND waits_for IS NOT NULL;
