-- A payout that the marketplace asks for is written down before Stripe has it.

ALTER TABLE payouts
    -- Null until Stripe has made it. One that Stripe refused to make is 'failed' and has none.
    ALTER COLUMN stripe_id DROP NOT NULL,
    ALTER COLUMN arrives_at DROP NOT NULL,
    ADD COLUMN origin text NOT NULL DEFAULT 'stripe' CHECK (origin IN ('souk', 'stripe')),
    -- The marketplace's own id.
    ADD COLUMN external_id text CONSTRAINT payouts_external_id_key UNIQUE,
    ADD COLUMN operation_id text,
    ADD COLUMN description text,
    ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}',
    -- Stripe's id of the bank account or card.
    ADD COLUMN destination text,
    ADD CHECK ((origin = 'souk') = (external_id IS NOT NULL)),
    ADD CHECK (origin = 'souk' OR (stripe_id IS NOT NULL AND arrives_at IS NOT NULL));
ALTER TABLE payouts ALTER COLUMN origin DROP DEFAULT;
CREATE INDEX payouts_operation ON payouts (operation_id) WHERE operation_id IS NOT NULL;
