-- Rows of Stripe's books are compared one by one, so that two parts of a run can find the same kind: a finding says which
-- part found it, and only that part's next run closes it.
ALTER TABLE reconciliation_findings ADD COLUMN part text CHECK (part IN ('transfers', 'balances', 'clearing'));
UPDATE reconciliation_findings SET part = CASE
    WHEN kind = 'balance_differs' THEN 'balances'
    WHEN kind IN ('clearing_not_zero', 'unknown_balance_transaction') THEN 'clearing'
    ELSE 'transfers' END
WHERE reconciliation_id IS NOT NULL;
ALTER TABLE reconciliation_findings ADD CHECK ((part IS NULL) = (reconciliation_id IS NULL));
