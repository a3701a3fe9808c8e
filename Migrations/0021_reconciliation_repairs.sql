-- Operations compared with Stripe, repairs of what a run finds, and runs that begin by themselves.

ALTER TABLE reconciliation_findings
    DROP CONSTRAINT reconciliation_findings_part_check,
    DROP CONSTRAINT reconciliation_findings_reconciliation_id_kind_stripe_accou_key,
    ADD CONSTRAINT reconciliation_findings_part_check
        CHECK (part IN ('transfers', 'payouts', 'balances', 'clearing', 'operations')),
    -- Two parts of a run may find the same object, and not everything has a currency.
    ADD CONSTRAINT reconciliation_findings_object_key
        UNIQUE NULLS NOT DISTINCT (reconciliation_id, part, kind, stripe_account, object_id, currency),
    -- The object in whose list Stripe shows this one: the transfer of a reversal, the fee of a fee refund.
    ADD COLUMN parent_id text,
    -- The operation that it is about.
    ADD COLUMN operation_id text,
    -- What an admin approved last, and when. Null while nobody has.
    ADD COLUMN repair text,
    ADD COLUMN approved_at timestamptz,
    -- Business time of the next look at a repaired difference that was still there, and how often was looked.
    ADD COLUMN look_again_at timestamptz,
    ADD COLUMN looks integer,
    ADD CHECK ((repair IS NULL) = (approved_at IS NULL)),
    ADD CHECK (look_again_at IS NULL OR (status = 'open' AND looks IS NOT NULL));
CREATE INDEX reconciliation_findings_look_again ON reconciliation_findings (look_again_at)
    WHERE look_again_at IS NOT NULL;
CREATE INDEX reconciliation_findings_object ON reconciliation_findings (object_id) WHERE status = 'open';

ALTER TABLE reconciliations
    -- The beginning of the window that it was started for; null for one that somebody asked for.
    ADD COLUMN scheduled_for timestamptz CONSTRAINT reconciliations_scheduled_for_key UNIQUE,
    -- How long it waited for Stripe's lists, and how long it compared. Null until it has ended.
    ADD COLUMN fetching_ms bigint,
    ADD COLUMN comparing_ms bigint;

-- Objects at Stripe that name an operation which did not make them, and that an admin had taken into the books as they are.
CREATE TABLE adopted_objects (
    stripe_account text NOT NULL,
    stripe_id text NOT NULL,
    -- The finding through which it was approved.
    finding_id text NOT NULL,
    adopted_at timestamptz NOT NULL,
    PRIMARY KEY (stripe_account, stripe_id)
);

-- Operations are compared with lists of Stripe in windows of time, and those on a part of an object by its path.
CREATE INDEX stripe_operations_sent ON stripe_operations (kind, first_sent_at) WHERE first_sent_at IS NOT NULL;
CREATE INDEX stripe_operations_parts ON stripe_operations (path)
    WHERE kind IN ('reverse_transfer', 'refund_application_fee');
