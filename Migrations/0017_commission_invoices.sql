-- Commission invoices: what the platform charged a seller for a closed month, numbered without gaps in each year.

CREATE TABLE commission_invoices (
    id text PRIMARY KEY,
    -- Of the month, not of the day on which it was written.
    year bigint NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    seller_id text NOT NULL REFERENCES sellers (id),
    month date NOT NULL REFERENCES closed_months (month),
    currency text NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
    charged_minor bigint NOT NULL CHECK (charged_minor >= 0),
    refunded_minor bigint NOT NULL CHECK (refunded_minor >= 0),
    issued_at timestamptz NOT NULL,
    UNIQUE (year, sequence),
    UNIQUE (seller_id, month, currency),
    CHECK (year = extract(year FROM month))
);
CREATE INDEX commission_invoices_seller ON commission_invoices (seller_id, id);

-- Null until the month's invoices are written.
ALTER TABLE closed_months ADD COLUMN invoiced_at timestamptz;

CREATE FUNCTION commission_invoices_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'commission invoices are final: % is refused; what is given back later is in the invoice of its month',
        TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commission_invoices
    FOR EACH ROW EXECUTE FUNCTION commission_invoices_are_final();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON commission_invoices
    FOR EACH STATEMENT EXECUTE FUNCTION commission_invoices_are_final();
