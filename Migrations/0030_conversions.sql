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

ALTER TABLE disputes
    -- What Stripe took for it, and gave back, in the currency of the platform's balance; null where nothing was converted.
    ADD COLUMN settled_currency text CHECK (settled_currency <> currency),
    ADD COLUMN taken_minor bigint CHECK (taken_minor > 0),
    ADD COLUMN returned_minor bigint CHECK (returned_minor > 0),
    ADD CONSTRAINT disputes_settled CHECK ((settled_currency IS NULL) = (taken_minor IS NULL)
        AND (returned_minor IS NULL OR taken_minor IS NOT NULL));
