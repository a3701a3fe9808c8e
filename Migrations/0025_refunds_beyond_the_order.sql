-- Staff refund at Stripe what the bank had sent back and the platform had then paid otherwise: the buyer gets more than the order.

ALTER TABLE refunds
    -- No line's part of it: the platform's loss.
    ADD COLUMN excess_minor bigint NOT NULL DEFAULT 0 CHECK (excess_minor >= 0),
    DROP CONSTRAINT refunds_check,
    ADD CONSTRAINT refunds_sum_of_parts CHECK (
        amount_minor = seller_minor + platform_fee_minor + tax_minor + platform_sales_minor - platform_discount_minor
            + excess_minor);
