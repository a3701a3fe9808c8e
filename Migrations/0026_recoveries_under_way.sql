-- What is still to be taken back of sellers. A reversal has the id of its recovery: once Stripe's is booked, by whatever told of it,
-- nothing of the recovery is under way any more, and neither is anything of one whose cause has ended before it was sent.
CREATE VIEW recoveries_under_way AS
SELECT k.*, o.state, coalesce(k.taking_minor, k.amount_minor) AS under_way_minor
FROM recoveries k JOIN stripe_operations o ON o.id = k.operation_id
WHERE o.state NOT IN ('succeeded', 'failed')
    AND NOT EXISTS (SELECT 1 FROM transfer_reversals v WHERE v.id = k.id)
    AND NOT (o.state = 'held' AND (
        EXISTS (SELECT 1 FROM refunds r WHERE r.id = k.refund_id AND NOT r.claims)
        OR EXISTS (SELECT 1 FROM disputes d WHERE d.id = k.dispute_id AND d.reinstated_at IS NOT NULL)));

CREATE INDEX recoveries_seller ON recoveries (seller_id);
CREATE INDEX transfer_reversals_order ON transfer_reversals (order_id);
CREATE INDEX fee_refunds_order ON fee_refunds (order_id);
CREATE INDEX transfers_pending ON transfers (seller_id) WHERE state = 'pending';
