-- Books that begin on a day: what Stripe held before it is one row for each balance and currency.

-- Rows before this moment are not read: the row `opening_…` stands for all of them. Null: read from the first.
ALTER TABLE balance_feeds ADD COLUMN opened_at timestamptz;

-- A payout that was on its way to the bank when the books were opened: its own row at Stripe is before them.
ALTER TABLE payouts ADD COLUMN opened_at timestamptz;
ALTER TABLE payouts DROP CONSTRAINT payouts_items_source_check;
ALTER TABLE payouts ADD CONSTRAINT payouts_items_source_check
    CHECK (items_source IN ('stripe', 'allocation', 'opening'));
