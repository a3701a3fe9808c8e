-- What each payout is made of: parts of the rows of its balance. A row's parts in payouts that did not come back never
-- exceed the row.

CREATE TABLE payout_items (
    payout_id text NOT NULL REFERENCES payouts (id),
    -- Oldest first.
    position integer NOT NULL,
    stripe_account text NOT NULL,
    transaction_id text NOT NULL,
    -- What of the row's net the payout takes along.
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    PRIMARY KEY (payout_id, position),
    UNIQUE (payout_id, transaction_id),
    FOREIGN KEY (stripe_account, transaction_id) REFERENCES balance_transactions (stripe_account, id)
);
CREATE INDEX payout_items_transaction ON payout_items (stripe_account, transaction_id);

ALTER TABLE payouts
    -- Where it comes from: 'stripe' lists an automatic payout; any other is allocated oldest first.
    ADD COLUMN items_source text CHECK (items_source IN ('stripe', 'allocation')),
    -- Null until all its rows are known.
    ADD COLUMN itemized_at timestamptz,
    -- Stripe's word on whether an automatic payout can be listed: in_progress, completed, not_applicable.
    ADD COLUMN reconciliation_status text,
    -- Stripe's id of the payout that this one takes back.
    ADD COLUMN original_payout text,
    ADD CHECK ((items_source IS NULL) = (itemized_at IS NULL));
CREATE INDEX payouts_without_items ON payouts (stripe_account, created_at, id) WHERE itemized_at IS NULL;

ALTER TABLE reconciliation_findings DROP CONSTRAINT reconciliation_findings_part_check;
ALTER TABLE reconciliation_findings
    ADD CONSTRAINT reconciliation_findings_part_check CHECK (part IN ('transfers', 'payouts', 'balances', 'clearing'));
