-- A closed month is sealed: a digest of its entries, chained to the month before. Whoever changes a row afterwards, by whatever
-- means, would have to write every later seal anew, and those were noted elsewhere.

ALTER TABLE closed_months ADD COLUMN entries bigint;
ALTER TABLE closed_months ADD COLUMN seal bytea;
ALTER TABLE closed_months ADD CONSTRAINT closed_months_sealed_whole CHECK ((entries IS NULL) = (seal IS NULL));

-- The seal of a month behind that of the month before (empty for the first): SHA-256 of the seal before, the month, and the
-- SHA-256 of each entry in the order of causes. An entry's line has its cause, times in milliseconds, Stripe account, seller, order
-- and postings, parted by tabs; ids and recorded times do not count.
CREATE FUNCTION ledger_seal(of_month date, before bytea, OUT entries bigint, OUT seal bytea) LANGUAGE sql STABLE AS $$
    SELECT count(*),
        sha256(before || convert_to(to_char(of_month, 'YYYY-MM'), 'UTF8')
            || coalesce(string_agg(sha256(convert_to(line, 'UTF8')), ''::bytea ORDER BY cause COLLATE "C"), ''::bytea))
    FROM (
        SELECT e.cause, concat_ws(E'\t',
            e.cause, (extract(epoch FROM e.effective_at) * 1000)::bigint,
            coalesce((extract(epoch FROM e.happened_at) * 1000)::bigint::text, ''),
            e.stripe_account, coalesce(e.seller_id, ''), coalesce(e.order_id, ''),
            string_agg(
                concat_ws(' ', a.code, a.currency, p.amount_minor, coalesce(p.subject, '')), E'\t' ORDER BY p.position)
        ) AS line
        FROM journal_entries e
        LEFT JOIN postings p ON p.entry_id = e.id LEFT JOIN ledger_accounts a ON a.id = p.account_id
        WHERE e.effective_at >= of_month::timestamp AT TIME ZONE 'UTC'
            AND e.effective_at < (of_month + interval '1 month') AT TIME ZONE 'UTC'
        GROUP BY e.id
    ) AS lines
$$;
