-- Money that Stripe converts: a line of its books in another currency than the object that it is about, and what a destination
-- charge came to in the currency of the platform's balance.

ALTER TABLE balance_transactions
    -- The object's own amount, with the line's sign; null where the line is in the object's currency.
    ADD COLUMN presented_currency text CHECK (presented_currency <> currency),
    ADD COLUMN presented_minor bigint,
    ADD CONSTRAINT balance_transactions_presented CHECK (num_nulls(presented_currency, presented_minor) IN (0, 2));

ALTER TABLE charges
    -- What was moved to the seller and what of it came back as the fee; null until Stripe has told, and where nothing was converted.
    ADD COLUMN settled_currency text CHECK (settled_currency <> currency),
    ADD COLUMN settled_minor bigint CHECK (settled_minor > 0),
    ADD COLUMN settled_fee_minor bigint CHECK (settled_fee_minor BETWEEN 0 AND settled_minor),
    ADD CONSTRAINT charges_settled CHECK (num_nulls(settled_currency, settled_minor, settled_fee_minor) IN (0, 3));
