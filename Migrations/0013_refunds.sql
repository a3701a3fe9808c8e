-- Refunds by API: a row from the request on, what it takes frozen with it; a debt to a buyer is settled once.

ALTER TABLE refunds
    -- Null until Stripe has it, and for one that Stripe refused.
    ALTER COLUMN stripe_id DROP NOT NULL,
    ADD COLUMN external_id text CONSTRAINT refunds_external_id_key UNIQUE,
    -- What the call said, so that its repetition can be told from another call with the same external_id.
    ADD COLUMN request jsonb,
    ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}',
    -- How it is asked for at Stripe: in one call with both flags, or with a fee refund and a reversal of these amounts.
    ADD COLUMN one_call boolean NOT NULL DEFAULT false,
    ADD COLUMN fee_refund_minor bigint NOT NULL DEFAULT 0 CHECK (fee_refund_minor >= 0),
    ADD COLUMN reversal_minor bigint NOT NULL DEFAULT 0 CHECK (reversal_minor >= 0),
    -- What became of the debt to the buyer that a refund leaves when the bank sends it back.
    ADD COLUMN settlement text CHECK (settlement IN ('paid_otherwise', 'given_up')),
    ADD COLUMN settlement_reason text,
    ADD COLUMN settled_at timestamptz,
    -- Stripe has it: it counts as refunded.
    ADD COLUMN stands boolean NOT NULL GENERATED ALWAYS AS (status NOT IN ('requested', 'failed', 'canceled')) STORED,
    -- What it took from the lines cannot be refunded by another.
    ADD COLUMN claims boolean NOT NULL GENERATED ALWAYS AS (
        CASE status
            WHEN 'canceled' THEN false
            WHEN 'failed' THEN stripe_id IS NOT NULL AND settlement IS DISTINCT FROM 'given_up'
            ELSE true END) STORED,
    ADD CHECK (stripe_id IS NOT NULL OR status IN ('requested', 'failed')),
    ADD CHECK ((settlement IS NULL) = (settled_at IS NULL)),
    ADD CHECK (settlement IS NULL OR stripe_id IS NOT NULL);
CREATE INDEX refunds_operation ON refunds (operation_id) WHERE operation_id IS NOT NULL;
-- The bank sent them back, and nobody has settled them yet.
CREATE INDEX refunds_due ON refunds (charge_id)
    WHERE status = 'failed' AND stripe_id IS NOT NULL AND settlement IS NULL;

-- For which refund of Souk's it was made.
ALTER TABLE transfer_reversals ADD COLUMN refund_id text REFERENCES refunds (id);
ALTER TABLE fee_refunds ADD COLUMN refund_id text REFERENCES refunds (id);
CREATE INDEX transfer_reversals_refund ON transfer_reversals (refund_id) WHERE refund_id IS NOT NULL;
CREATE INDEX fee_refunds_refund ON fee_refunds (refund_id) WHERE refund_id IS NOT NULL;
