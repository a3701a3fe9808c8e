-- The books: append-only journal entries with one cause each, balanced per currency.

CREATE TABLE ledger_accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
    normal_side text NOT NULL CHECK (normal_side IN ('debit', 'credit')),
    -- Debits less credits of every posting. Folded once for each batch of entries, in the order of ids.
    balance_minor bigint NOT NULL DEFAULT 0,
    UNIQUE (code, currency)
);

CREATE TABLE journal_entries (
    id text PRIMARY KEY,
    cause text NOT NULL UNIQUE,
    -- When it happened in the world; the first open day if that month was closed already.
    effective_at timestamptz NOT NULL,
    -- When it happened, if effective_at had to be moved.
    happened_at timestamptz,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    stripe_account text NOT NULL,
    seller_id text,
    order_id text
);
CREATE INDEX journal_entries_effective ON journal_entries (effective_at, id);
CREATE INDEX journal_entries_recorded ON journal_entries (recorded_at, id);
CREATE INDEX journal_entries_order ON journal_entries (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX journal_entries_seller ON journal_entries (seller_id, id) WHERE seller_id IS NOT NULL;

CREATE TABLE postings (
    entry_id text NOT NULL REFERENCES journal_entries (id),
    position smallint NOT NULL,
    account_id bigint NOT NULL REFERENCES ledger_accounts (id),
    -- Positive for a debit, negative for a credit.
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    subject text,
    PRIMARY KEY (entry_id, position)
);
CREATE INDEX postings_account ON postings (account_id, entry_id);
CREATE INDEX postings_subject ON postings (subject, account_id) WHERE subject IS NOT NULL;

-- What each object has waiting in each account: clearing accounts return to zero here.
CREATE TABLE ledger_subjects (
    account_id bigint NOT NULL REFERENCES ledger_accounts (id),
    subject text NOT NULL,
    balance_minor bigint NOT NULL,
    -- Effective time of the posting that opened it, from which the age of what is still open counts.
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, subject)
);
CREATE INDEX ledger_subjects_open ON ledger_subjects (account_id, opened_at) WHERE balance_minor <> 0;

-- Months whose books are closed take no new effective times.
CREATE TABLE closed_months (
    month date PRIMARY KEY CHECK (month = date_trunc('month', month)),
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only: % on % is refused; post a reversing entry instead', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_entries
    FOR EACH ROW EXECUTE FUNCTION journal_is_append_only();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_entries
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON postings
    FOR EACH ROW EXECUTE FUNCTION journal_is_append_only();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON postings
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();

-- Writes a batch of entries: each cause once, however often it is told. Entry arrays run in parallel, and so do posting
-- arrays, whose p_entry is the place of the posting's entry (from 1). Returns the causes that are new.
CREATE FUNCTION ledger_post(
    e_id text[], e_cause text[], e_effective_ms bigint[], e_stripe_account text[], e_seller text[], e_order text[],
    p_entry bigint[], p_code text[], p_currency text[], p_normal_side text[], p_amount bigint[], p_subject text[]
) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    unbalanced text;
    fresh text[];
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
        RETURNING id
    )
    SELECT coalesce(array_agg(id), '{}') INTO fresh FROM inserted;
    IF fresh = '{}' THEN
        RETURN;
    END IF;

    INSERT INTO ledger_accounts (code, currency, normal_side)
    SELECT DISTINCT p.code, p.currency, p.normal_side
    FROM unnest(p_entry, p_code, p_currency, p_normal_side) AS p (entry, code, currency, normal_side)
    WHERE e_id[p.entry] = ANY (fresh)
      AND NOT EXISTS (SELECT 1 FROM ledger_accounts a WHERE a.code = p.code AND a.currency = p.currency)
    ORDER BY p.code, p.currency
    ON CONFLICT (code, currency) DO NOTHING;

    INSERT INTO postings (entry_id, position, account_id, amount_minor, subject)
    SELECT e_id[p.entry], row_number() OVER (PARTITION BY p.entry ORDER BY p.place), a.id, p.amount, p.subject
    FROM unnest(p_entry, p_code, p_currency, p_amount, p_subject) WITH ORDINALITY
        AS p (entry, code, currency, amount, subject, place)
    JOIN ledger_accounts a ON a.code = p.code AND a.currency = p.currency
    WHERE e_id[p.entry] = ANY (fresh);

    INSERT INTO ledger_subjects AS s (account_id, subject, balance_minor, opened_at)
    SELECT p.account_id, p.subject, sum(p.amount_minor), min(e.effective_at)
    FROM postings p JOIN journal_entries e ON e.id = p.entry_id
    WHERE p.entry_id = ANY (fresh) AND p.subject IS NOT NULL
    GROUP BY p.account_id, p.subject ORDER BY p.account_id, p.subject
    ON CONFLICT (account_id, subject) DO UPDATE
        SET balance_minor = s.balance_minor + excluded.balance_minor,
            opened_at = CASE WHEN s.balance_minor = 0 THEN excluded.opened_at ELSE s.opened_at END;

    -- One lock and one write for each account of the batch, always in the same order.
    PERFORM 1 FROM ledger_accounts
    WHERE id IN (SELECT account_id FROM postings WHERE entry_id = ANY (fresh)) ORDER BY id FOR NO KEY UPDATE;
    UPDATE ledger_accounts a SET balance_minor = a.balance_minor + d.delta
    FROM (SELECT account_id, sum(amount_minor) AS delta FROM postings WHERE entry_id = ANY (fresh) GROUP BY account_id) d
    WHERE a.id = d.account_id AND d.delta <> 0;

    RETURN QUERY SELECT cause FROM journal_entries WHERE id = ANY (fresh);
END
$$;
