-- Which debts are paid out of other orders' shares, and which are given up: by order, so that each order tells what its sellers
-- still owe of it, and what they have coming again when a cause of the debt is turned round.

-- What a transfer keeps of its share for debts of other orders, from when its amount is fixed.
CREATE TABLE nettings (
    transfer_id text NOT NULL REFERENCES transfers (id),
    -- Null for what is owed of no order.
    order_id text REFERENCES orders (id),
    seller_id text NOT NULL REFERENCES sellers (id),
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0)
);
CREATE UNIQUE INDEX nettings_transfer ON nettings (transfer_id, coalesce(order_id, ''));
CREATE INDEX nettings_order ON nettings (order_id);
CREATE INDEX nettings_seller ON nettings (seller_id);

-- What was given up of each order's debt.
CREATE TABLE write_off_orders (
    write_off_id text NOT NULL REFERENCES write_offs (id),
    order_id text NOT NULL REFERENCES orders (id),
    seller_id text NOT NULL REFERENCES sellers (id),
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    PRIMARY KEY (write_off_id, order_id)
);
CREATE INDEX write_off_orders_order ON write_off_orders (order_id);
CREATE INDEX write_off_orders_seller ON write_off_orders (seller_id);

-- What was given up and then turned out not to be owed, or was taken back after all.
CREATE TABLE write_off_recoveries (
    id text PRIMARY KEY,
    order_id text NOT NULL REFERENCES orders (id),
    seller_id text NOT NULL REFERENCES sellers (id),
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    created_at timestamptz NOT NULL
);
CREATE INDEX write_off_recoveries_order ON write_off_recoveries (order_id);
CREATE INDEX write_off_recoveries_seller ON write_off_recoveries (seller_id);

CREATE INDEX ledger_accounts_receivable ON ledger_accounts (split_part(code, ':', 2)) WHERE code LIKE 'seller:%:receivable';

-- What each seller owes of each order: below zero where more was taken than is owed. A share that is on its way to pay a debt counts
-- for the debt's order at once, and for its own as soon as the books have it.
CREATE VIEW order_debts AS
SELECT order_id, seller_id, currency, sum(amount_minor)::bigint AS amount_minor
FROM (
    SELECT e.order_id, split_part(a.code, ':', 2) AS seller_id, a.currency, p.amount_minor
    FROM ledger_accounts a JOIN postings p ON p.account_id = a.id JOIN journal_entries e ON e.id = p.entry_id
    WHERE a.code LIKE 'seller:%:receivable' AND e.order_id IS NOT NULL
    UNION ALL
    SELECT n.order_id, n.seller_id, n.currency, -n.amount_minor FROM nettings n WHERE n.order_id IS NOT NULL
    UNION ALL
    SELECT t.order_id, n.seller_id, n.currency, n.amount_minor
    FROM nettings n JOIN transfers t ON t.id = n.transfer_id WHERE t.state <> 'pending'
    UNION ALL
    SELECT w.order_id, w.seller_id, w.currency, -w.amount_minor FROM write_off_orders w
    UNION ALL
    SELECT r.order_id, r.seller_id, r.currency, r.amount_minor FROM write_off_recoveries r
) AS parts
GROUP BY order_id, seller_id, currency;
