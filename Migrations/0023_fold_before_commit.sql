-- The balances of accounts that all entries share are folded as the last thing before COMMIT: whoever else posts to them waits
-- for one commit, and not for everything that a transaction does after its entries.

CREATE OR REPLACE FUNCTION ledger_post(
    e_id text[], e_cause text[], e_effective_ms bigint[], e_stripe_account text[], e_seller text[], e_order text[],
    p_entry bigint[], p_code text[], p_currency text[], p_normal_side text[], p_amount bigint[], p_subject text[]
) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    unbalanced text;
    -- Of each entry, when it is effective; null for one whose cause is in the journal already.
    effective timestamptz[];
BEGIN
    SELECT e_cause[p.entry] INTO unbalanced
    FROM unnest(p_entry, p_currency, p_amount) AS p (entry, currency, amount)
    GROUP BY p.entry, p.currency HAVING sum(p.amount) <> 0 LIMIT 1;
    IF unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'the entry % does not balance', unbalanced USING ERRCODE = 'check_violation';
    END IF;

    WITH inserted AS (
        INSERT INTO journal_entries (id, cause, effective_at, happened_at, stripe_account, seller_id, order_id)
        SELECT e.id, e.cause, coalesce(open_day.at, e.effective), CASE WHEN open_day.at IS NOT NULL THEN e.effective END,
               e.stripe_account, e.seller, e.order_id
        FROM (
            SELECT id, cause, timestamptz 'epoch' + effective_ms * interval '1 millisecond' AS effective,
                   stripe_account, seller, order_id
            FROM unnest(e_id, e_cause, e_effective_ms, e_stripe_account, e_seller, e_order)
                AS given (id, cause, effective_ms, stripe_account, seller, order_id)
        ) AS e
        LEFT JOIN LATERAL (
            SELECT (max(later.month) + interval '1 month') AT TIME ZONE 'UTC' AS at
            FROM closed_months AS this JOIN closed_months AS later ON later.month >= this.month
            WHERE this.month = date_trunc('month', e.effective AT TIME ZONE 'UTC')::date
        ) AS open_day ON true
        ORDER BY e.cause
        ON CONFLICT (cause) DO NOTHING
        RETURNING id, effective_at
    )
    SELECT array_agg(inserted.effective_at ORDER BY given.place) INTO effective
    FROM unnest(e_id) WITH ORDINALITY AS given (id, place) LEFT JOIN inserted ON inserted.id = given.id;
    IF array_remove(effective, NULL) = '{}' THEN
        RETURN;
    END IF;

    INSERT INTO ledger_accounts (code, currency, normal_side)
    SELECT DISTINCT p.code, p.currency, p.normal_side
    FROM unnest(p_entry, p_code, p_currency, p_normal_side) AS p (entry, code, currency, normal_side)
    WHERE effective[p.entry] IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM ledger_accounts a WHERE a.code = p.code AND a.currency = p.currency)
    ORDER BY p.code, p.currency
    ON CONFLICT (code, currency) DO NOTHING;

    INSERT INTO postings (entry_id, position, account_id, amount_minor, subject)
    SELECT e_id[p.entry], row_number() OVER (PARTITION BY p.entry ORDER BY p.place), a.id, p.amount, p.subject
    FROM unnest(p_entry, p_code, p_currency, p_amount, p_subject) WITH ORDINALITY
        AS p (entry, code, currency, amount, subject, place)
    JOIN ledger_accounts a ON a.code = p.code AND a.currency = p.currency
    WHERE effective[p.entry] IS NOT NULL;

    INSERT INTO ledger_subjects AS s (account_id, subject, balance_minor, opened_at)
    SELECT a.id, p.subject, sum(p.amount), min(effective[p.entry])
    FROM unnest(p_entry, p_code, p_currency, p_amount, p_subject) AS p (entry, code, currency, amount, subject)
    JOIN ledger_accounts a ON a.code = p.code AND a.currency = p.currency
    WHERE effective[p.entry] IS NOT NULL AND p.subject IS NOT NULL
    GROUP BY a.id, p.subject ORDER BY a.id, p.subject
    ON CONFLICT (account_id, subject) DO UPDATE
        SET balance_minor = s.balance_minor + excluded.balance_minor,
            opened_at = CASE WHEN s.balance_minor = 0 THEN excluded.opened_at ELSE s.opened_at END;

    RETURN QUERY
        SELECT given.cause FROM unnest(e_cause, effective) AS given (cause, effective_at) WHERE given.effective_at IS NOT NULL;
END
$$;

-- Brings the balances of accounts up to date with entries of this transaction: one lock and one write for each account, in the
-- order of ids, so that two transactions never wait for each other.
CREATE FUNCTION ledger_fold(entries text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    accounts bigint[];
    deltas bigint[];
BEGIN
    SELECT array_agg(account_id ORDER BY account_id), array_agg(delta ORDER BY account_id) INTO accounts, deltas
    FROM (
        SELECT account_id, sum(amount_minor)::bigint AS delta FROM postings WHERE entry_id = ANY (entries)
        GROUP BY account_id HAVING sum(amount_minor) <> 0
    ) AS moved;
    PERFORM 1 FROM ledger_accounts WHERE id = ANY (accounts) ORDER BY id FOR NO KEY UPDATE;
    UPDATE ledger_accounts a SET balance_minor = a.balance_minor + moved.delta
    FROM unnest(accounts, deltas) AS moved (account_id, delta) WHERE a.id = moved.account_id;
END
$$;

-- A page of a balance leads to its transfers by their charges too.
CREATE INDEX transfers_charge ON transfers (charge_id);
