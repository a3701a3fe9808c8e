CREATE FUNCTION public.audit_log_is_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION public.commission_invoices_are_final() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'commission invoices are final: % is refused; what is given back later is in the invoice of its month',
        TG_OP USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION public.inbox_make_partitions(months_ahead integer) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
    first_day date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    from_day date;
    to_day date;
    partition_name text;
    made integer := 0;
BEGIN
    FOR month IN 0..months_ahead LOOP
        from_day := (first_day + make_interval(months => month))::date;
        to_day := (first_day + make_interval(months => month + 1))::date;
        partition_name := 'inbox_events_' || to_char(from_day, 'YYYY_MM');
        CONTINUE WHEN to_regclass(partition_name) IS NOT NULL;
        BEGIN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF inbox_events FOR VALUES FROM (%L) TO (%L)',
                partition_name, from_day || ' 00:00:00+00', to_day || ' 00:00:00+00');
            made := made + 1;
        EXCEPTION
            WHEN duplicate_table OR unique_violation OR check_violation THEN
                NULL;
        END;
    END LOOP;
    RETURN made;
END
$$;

CREATE FUNCTION public.journal_is_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only: % on % is refused; post a reversing entry instead', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION public.ledger_fold(entries text[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.ledger_post(e_id text[], e_cause text[], e_effective_ms bigint[], e_stripe_account text[], e_seller text[], e_order text[], p_entry bigint[], p_code text[], p_currency text[], p_normal_side text[], p_amount bigint[], p_subject text[]) RETURNS SETOF text
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.ledger_seal(of_month date, before bytea, OUT entries bigint, OUT seal bytea) RETURNS record
    LANGUAGE sql STABLE
    AS $$
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

CREATE TABLE public.adjustments (
    id text NOT NULL,
    external_id text,
    seller_id text NOT NULL,
    reason text NOT NULL,
    description text,
    metadata jsonb NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    transfer_id text NOT NULL,
    booked_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT adjustments_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT adjustments_reason_check CHECK ((reason = ANY (ARRAY['goodwill'::text, 'bonus'::text, 'correction'::text])))
);

CREATE TABLE public.adopted_objects (
    stripe_account text NOT NULL,
    stripe_id text NOT NULL,
    finding_id text NOT NULL,
    adopted_at timestamp with time zone NOT NULL
);

CREATE TABLE public.api_keys (
    id text NOT NULL,
    name text NOT NULL,
    key_hash bytea NOT NULL,
    hint text NOT NULL,
    scopes text[] NOT NULL,
    livemode boolean NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT api_keys_key_hash_check CHECK ((octet_length(key_hash) = 32)),
    CONSTRAINT api_keys_scopes_check CHECK ((cardinality(scopes) > 0))
);

CREATE TABLE public.audit_log (
    id text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    caller text NOT NULL,
    request_id text,
    action text NOT NULL,
    subject text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL
);

CREATE TABLE public.awaited_entries (
    cause text NOT NULL,
    stripe_account text NOT NULL,
    order_id text,
    payout text,
    since timestamp with time zone NOT NULL,
    dispute text,
    CONSTRAINT awaited_entries_one_origin CHECK ((num_nonnulls(order_id, payout, dispute) = 1))
);

CREATE TABLE public.awaited_rows (
    stripe_account text NOT NULL,
    category text NOT NULL,
    subject_id text NOT NULL,
    since timestamp with time zone NOT NULL
);

CREATE TABLE public.balance_feeds (
    stripe_account text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    wanted boolean DEFAULT true NOT NULL,
    requests bigint DEFAULT 1 NOT NULL,
    reads_since_request integer DEFAULT 0 NOT NULL,
    last_row_created_at timestamp with time zone,
    last_read_at timestamp with time zone,
    lease_until timestamp with time zone,
    lease_number bigint DEFAULT 0 NOT NULL,
    frozen_reason text,
    opened_at timestamp with time zone
);

CREATE TABLE public.balance_transactions (
    stripe_account text NOT NULL,
    id text NOT NULL,
    type text NOT NULL,
    category text NOT NULL,
    balance_type text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    net_minor bigint NOT NULL,
    fees jsonb NOT NULL,
    subject_kind text NOT NULL,
    subject_id text,
    application_fee_id text,
    source_id text,
    seller_id text,
    order_id text,
    created_at timestamp with time zone NOT NULL,
    available_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    presented_currency text,
    presented_minor bigint,
    CONSTRAINT balance_transactions_check CHECK ((presented_currency <> currency)),
    CONSTRAINT balance_transactions_presented CHECK ((num_nulls(presented_currency, presented_minor) = ANY (ARRAY[0, 2])))
);

CREATE TABLE public.charges (
    id text NOT NULL,
    order_id text NOT NULL,
    purpose text NOT NULL,
    payment_intent text NOT NULL,
    status text NOT NULL,
    seller_id text,
    stripe_account text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    application_fee_minor bigint NOT NULL,
    balance_transaction_id text,
    transfer_id text,
    destination_payment text,
    application_fee_id text,
    failure_code text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    settled_currency text,
    settled_minor bigint,
    settled_fee_minor bigint,
    CONSTRAINT charges_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT charges_check CHECK (((seller_id IS NULL) = (stripe_account IS NULL))),
    CONSTRAINT charges_check1 CHECK ((settled_currency <> currency)),
    CONSTRAINT charges_check2 CHECK (((settled_fee_minor >= 0) AND (settled_fee_minor <= settled_minor))),
    CONSTRAINT charges_purpose_check CHECK ((purpose = ANY (ARRAY['sale'::text, 'surplus'::text]))),
    CONSTRAINT charges_settled CHECK ((num_nulls(settled_currency, settled_minor, settled_fee_minor) = ANY (ARRAY[0, 3]))),
    CONSTRAINT charges_settled_minor_check CHECK ((settled_minor > 0))
);

CREATE TABLE public.closed_months (
    month date NOT NULL,
    closed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    invoiced_at timestamp with time zone,
    entries bigint,
    seal bytea,
    CONSTRAINT closed_months_month_check CHECK ((month = date_trunc('month'::text, (month)::timestamp with time zone))),
    CONSTRAINT closed_months_sealed_whole CHECK (((entries IS NULL) = (seal IS NULL)))
);

CREATE TABLE public.commission_invoices (
    id text NOT NULL,
    year bigint NOT NULL,
    sequence bigint NOT NULL,
    seller_id text NOT NULL,
    month date NOT NULL,
    currency text NOT NULL,
    charged_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    CONSTRAINT commission_invoices_charged_minor_check CHECK ((charged_minor >= 0)),
    CONSTRAINT commission_invoices_check CHECK (((year)::numeric = EXTRACT(year FROM month))),
    CONSTRAINT commission_invoices_currency_check CHECK ((currency ~ '^[a-z]{3}$'::text)),
    CONSTRAINT commission_invoices_refunded_minor_check CHECK ((refunded_minor >= 0)),
    CONSTRAINT commission_invoices_sequence_check CHECK ((sequence > 0))
);

CREATE TABLE public.dispute_lines (
    dispute_id text NOT NULL,
    line_id text NOT NULL,
    amount_minor bigint NOT NULL,
    seller_minor bigint NOT NULL,
    platform_fee_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    platform_sales_minor bigint NOT NULL,
    platform_discount_minor bigint NOT NULL,
    transfer_id text,
    reserve_minor bigint DEFAULT 0 NOT NULL,
    reserve_released boolean DEFAULT false NOT NULL,
    CONSTRAINT dispute_lines_check CHECK ((amount_minor = ((((seller_minor + platform_fee_minor) + tax_minor) + platform_sales_minor) - platform_discount_minor))),
    CONSTRAINT dispute_lines_reserve_minor_check CHECK ((reserve_minor >= 0))
);

CREATE TABLE public.dispute_sellers (
    dispute_id text NOT NULL,
    seller_id text NOT NULL,
    payable_minor bigint NOT NULL,
    receivable_minor bigint NOT NULL,
    returned_payable_minor bigint,
    returned_receivable_minor bigint,
    reserve_minor bigint DEFAULT 0 NOT NULL,
    returned_reserve_minor bigint,
    CONSTRAINT dispute_sellers_returned_together CHECK ((num_nonnulls(returned_payable_minor, returned_receivable_minor, returned_reserve_minor) = ANY (ARRAY[0, 3]))),
    CONSTRAINT dispute_sellers_returned_whole CHECK ((((returned_payable_minor + returned_receivable_minor) + returned_reserve_minor) = ((payable_minor + receivable_minor) + reserve_minor)))
);

CREATE TABLE public.disputes (
    id text NOT NULL,
    stripe_id text NOT NULL,
    order_id text NOT NULL,
    charge_id text NOT NULL,
    status text NOT NULL,
    reason text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    is_charge_refundable boolean NOT NULL,
    evidence_due_at timestamp with time zone,
    has_evidence boolean NOT NULL,
    submissions integer NOT NULL,
    withdrawn_at timestamp with time zone,
    reinstated_at timestamp with time zone,
    lost_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    claimed_at timestamp with time zone,
    claimed_after_loss boolean,
    reminded_at timestamp with time zone,
    settled_currency text,
    taken_minor bigint,
    returned_minor bigint,
    CONSTRAINT disputes_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT disputes_check CHECK (((withdrawn_at IS NOT NULL) OR ((reinstated_at IS NULL) AND (lost_at IS NULL)))),
    CONSTRAINT disputes_check1 CHECK (((claimed_at IS NULL) = (claimed_after_loss IS NULL))),
    CONSTRAINT disputes_check2 CHECK (((claimed_at IS NULL) OR (withdrawn_at IS NOT NULL))),
    CONSTRAINT disputes_check3 CHECK ((settled_currency <> currency)),
    CONSTRAINT disputes_returned_minor_check CHECK ((returned_minor > 0)),
    CONSTRAINT disputes_settled CHECK ((((settled_currency IS NULL) = (taken_minor IS NULL)) AND ((returned_minor IS NULL) OR (taken_minor IS NOT NULL)))),
    CONSTRAINT disputes_submissions_check CHECK ((submissions >= 0)),
    CONSTRAINT disputes_taken_minor_check CHECK ((taken_minor > 0))
);

CREATE TABLE public.event_destinations (
    id text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    url text NOT NULL,
    description text,
    enabled_events text[] NOT NULL,
    sealed_secret bytea NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT event_destinations_enabled_events_check CHECK ((cardinality(enabled_events) > 0))
);

CREATE TABLE public.fee_policies (
    id text NOT NULL,
    scope text NOT NULL,
    seller_id text,
    category text,
    currency text NOT NULL,
    percent_bps bigint NOT NULL,
    fixed_minor bigint NOT NULL,
    minimum_minor bigint NOT NULL,
    maximum_minor bigint,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT fee_policies_check CHECK ((maximum_minor >= minimum_minor)),
    CONSTRAINT fee_policies_check1 CHECK (((scope = 'seller'::text) = (seller_id IS NOT NULL))),
    CONSTRAINT fee_policies_check2 CHECK (((scope = 'category'::text) = (category IS NOT NULL))),
    CONSTRAINT fee_policies_fixed_minor_check CHECK ((fixed_minor >= 0)),
    CONSTRAINT fee_policies_minimum_minor_check CHECK ((minimum_minor >= 0)),
    CONSTRAINT fee_policies_percent_bps_check CHECK (((percent_bps >= 0) AND (percent_bps <= 10000))),
    CONSTRAINT fee_policies_scope_check CHECK ((scope = ANY (ARRAY['default'::text, 'seller'::text, 'category'::text])))
);

CREATE TABLE public.fee_refunds (
    id text NOT NULL,
    stripe_id text NOT NULL,
    order_id text NOT NULL,
    charge_id text NOT NULL,
    origin text NOT NULL,
    operation_id text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    refund_id text,
    CONSTRAINT fee_refunds_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT fee_refunds_origin_check CHECK ((origin = ANY (ARRAY['souk'::text, 'stripe'::text])))
);

CREATE TABLE public.former_accounts (
    stripe_account text NOT NULL,
    seller_id text NOT NULL,
    deauthorized boolean NOT NULL,
    replaced_at timestamp with time zone NOT NULL
);

CREATE TABLE public.fraud_warnings (
    id text NOT NULL,
    stripe_id text NOT NULL,
    order_id text NOT NULL,
    charge_id text NOT NULL,
    fraud_type text NOT NULL,
    actionable boolean NOT NULL,
    policy text NOT NULL,
    action text NOT NULL,
    refund_id text,
    released_at timestamp with time zone,
    release_reason text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT fraud_warnings_action_check CHECK ((action = ANY (ARRAY['none'::text, 'refund'::text, 'hold'::text]))),
    CONSTRAINT fraud_warnings_check CHECK (((action = 'refund'::text) = (refund_id IS NOT NULL))),
    CONSTRAINT fraud_warnings_check1 CHECK ((num_nonnulls(released_at, release_reason) = ANY (ARRAY[0, 2]))),
    CONSTRAINT fraud_warnings_check2 CHECK (((released_at IS NULL) OR (action = 'hold'::text))),
    CONSTRAINT fraud_warnings_policy_check CHECK ((policy = ANY (ARRAY['none'::text, 'refund'::text, 'hold_release'::text])))
);

CREATE TABLE public.idempotency_keys (
    api_key_id text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    fence bigint NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    subject text,
    status smallint,
    sealed_body bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_keys_check CHECK (((status IS NULL) = (sealed_body IS NULL))),
    CONSTRAINT idempotency_keys_key_check CHECK (((octet_length(key) >= 1) AND (octet_length(key) <= 1020)))
);

CREATE TABLE public.inbox_event_ids (
    event_id text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    object_key text NOT NULL,
    state text NOT NULL,
    source text NOT NULL,
    deliveries integer DEFAULT 1 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone,
    settled_at timestamp with time zone,
    last_error text,
    reason text,
    CONSTRAINT inbox_event_ids_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT inbox_event_ids_deliveries_check CHECK ((deliveries > 0)),
    CONSTRAINT inbox_event_ids_due CHECK (((state = 'waiting'::text) = (due_at IS NOT NULL))),
    CONSTRAINT inbox_event_ids_source_check CHECK ((source = ANY (ARRAY['delivery'::text, 'sweep'::text]))),
    CONSTRAINT inbox_event_ids_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'done'::text, 'parked'::text, 'dismissed'::text, 'unhandled'::text, 'wrong_mode'::text])))
)
WITH (fillfactor='85');

CREATE TABLE public.inbox_events (
    received_at timestamp with time zone NOT NULL,
    event_id text NOT NULL,
    endpoint text NOT NULL,
    type text NOT NULL,
    account text,
    object_id text,
    object_type text,
    created_at timestamp with time zone NOT NULL,
    livemode boolean NOT NULL,
    api_version text,
    idempotency_key text,
    body bytea NOT NULL,
    CONSTRAINT inbox_events_endpoint_check CHECK ((endpoint = ANY (ARRAY['platform'::text, 'connect'::text])))
)
PARTITION BY RANGE (received_at);

CREATE TABLE public.inbox_events_default (
    received_at timestamp with time zone NOT NULL,
    event_id text NOT NULL,
    endpoint text NOT NULL,
    type text NOT NULL,
    account text,
    object_id text,
    object_type text,
    created_at timestamp with time zone NOT NULL,
    livemode boolean NOT NULL,
    api_version text,
    idempotency_key text,
    body bytea NOT NULL,
    CONSTRAINT inbox_events_endpoint_check CHECK ((endpoint = ANY (ARRAY['platform'::text, 'connect'::text])))
);

CREATE SEQUENCE public.inbox_fence
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.inbox_leases (
    object_key text NOT NULL,
    fence bigint NOT NULL,
    holder text NOT NULL,
    leased_until timestamp with time zone NOT NULL
);

CREATE TABLE public.inbox_sweeps (
    account text NOT NULL,
    swept_until timestamp with time zone NOT NULL,
    swept_at timestamp with time zone DEFAULT now() NOT NULL,
    missing bigint DEFAULT 0 NOT NULL
);

CREATE TABLE public.journal_entries (
    id text NOT NULL,
    cause text NOT NULL,
    effective_at timestamp with time zone NOT NULL,
    happened_at timestamp with time zone,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    stripe_account text NOT NULL,
    seller_id text,
    order_id text
);

CREATE TABLE public.ledger_accounts (
    id bigint NOT NULL,
    code text NOT NULL,
    currency text NOT NULL,
    normal_side text NOT NULL,
    balance_minor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT ledger_accounts_currency_check CHECK ((currency ~ '^[a-z]{3}$'::text)),
    CONSTRAINT ledger_accounts_normal_side_check CHECK ((normal_side = ANY (ARRAY['debit'::text, 'credit'::text])))
);

ALTER TABLE public.ledger_accounts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ledger_accounts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.ledger_subjects (
    account_id bigint NOT NULL,
    subject text NOT NULL,
    balance_minor bigint NOT NULL,
    opened_at timestamp with time zone NOT NULL
);

CREATE TABLE public.refund_lines (
    refund_id text NOT NULL,
    line_id text NOT NULL,
    amount_minor bigint NOT NULL,
    seller_minor bigint NOT NULL,
    platform_fee_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    platform_sales_minor bigint NOT NULL,
    platform_discount_minor bigint NOT NULL,
    transfer_id text,
    reserve_minor bigint DEFAULT 0 NOT NULL,
    reserve_released boolean DEFAULT false NOT NULL,
    CONSTRAINT refund_lines_amount_minor_check CHECK ((amount_minor <> 0)),
    CONSTRAINT refund_lines_reserve_minor_check CHECK ((reserve_minor >= 0))
);

CREATE TABLE public.refunds (
    id text NOT NULL,
    stripe_id text,
    order_id text NOT NULL,
    charge_id text NOT NULL,
    status text NOT NULL,
    origin text NOT NULL,
    operation_id text,
    reason text,
    failure_reason text,
    transfer_reversal_id text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    seller_minor bigint NOT NULL,
    platform_fee_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    platform_sales_minor bigint NOT NULL,
    platform_discount_minor bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    external_id text,
    request jsonb,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    one_call boolean DEFAULT false NOT NULL,
    fee_refund_minor bigint DEFAULT 0 NOT NULL,
    reversal_minor bigint DEFAULT 0 NOT NULL,
    settlement text,
    settlement_reason text,
    settled_at timestamp with time zone,
    stands boolean GENERATED ALWAYS AS ((status <> ALL (ARRAY['requested'::text, 'failed'::text, 'canceled'::text]))) STORED NOT NULL,
    claims boolean GENERATED ALWAYS AS (
CASE status
    WHEN 'canceled'::text THEN false
    WHEN 'failed'::text THEN ((stripe_id IS NOT NULL) AND (settlement IS DISTINCT FROM 'given_up'::text))
    ELSE true
END) STORED NOT NULL,
    excess_minor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT refunds_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT refunds_check1 CHECK (((stripe_id IS NOT NULL) OR (status = ANY (ARRAY['requested'::text, 'failed'::text])))),
    CONSTRAINT refunds_check2 CHECK (((settlement IS NULL) = (settled_at IS NULL))),
    CONSTRAINT refunds_check3 CHECK (((settlement IS NULL) OR (stripe_id IS NOT NULL))),
    CONSTRAINT refunds_excess_minor_check CHECK ((excess_minor >= 0)),
    CONSTRAINT refunds_fee_refund_minor_check CHECK ((fee_refund_minor >= 0)),
    CONSTRAINT refunds_origin_check CHECK ((origin = ANY (ARRAY['souk'::text, 'stripe'::text]))),
    CONSTRAINT refunds_reversal_minor_check CHECK ((reversal_minor >= 0)),
    CONSTRAINT refunds_settlement_check CHECK ((settlement = ANY (ARRAY['paid_otherwise'::text, 'given_up'::text]))),
    CONSTRAINT refunds_sum_of_parts CHECK ((amount_minor = (((((seller_minor + platform_fee_minor) + tax_minor) + platform_sales_minor) - platform_discount_minor) + excess_minor)))
);

CREATE VIEW public.line_takings AS
 SELECT f.line_id,
    r.order_id,
    r.currency,
    f.amount_minor,
    f.seller_minor,
    f.platform_fee_minor,
    f.tax_minor,
    f.platform_sales_minor,
    f.platform_discount_minor,
    f.transfer_id,
    f.reserve_minor
   FROM (public.refund_lines f
     JOIN public.refunds r ON ((r.id = f.refund_id)))
  WHERE (r.claims AND (r.stripe_id IS NOT NULL))
UNION ALL
 SELECT l.line_id,
    d.order_id,
    d.currency,
    l.amount_minor,
    l.seller_minor,
    l.platform_fee_minor,
    l.tax_minor,
    l.platform_sales_minor,
    l.platform_discount_minor,
    l.transfer_id,
    l.reserve_minor
   FROM (public.dispute_lines l
     JOIN public.disputes d ON ((d.id = l.dispute_id)))
  WHERE (d.reinstated_at IS NULL);

CREATE TABLE public.money_out (
    operation_id text NOT NULL,
    kind text NOT NULL,
    asked_by text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    approval text,
    excess text,
    decided_by text,
    decision_reason text,
    decided_at timestamp with time zone,
    CONSTRAINT money_out_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT money_out_approval_check CHECK ((approval = ANY (ARRAY['needed'::text, 'approved'::text, 'refused'::text]))),
    CONSTRAINT money_out_check CHECK (((approval IS NULL) = (excess IS NULL))),
    CONSTRAINT money_out_check1 CHECK ((num_nonnulls(decided_by, decision_reason, decided_at) =
CASE
    WHEN (approval = ANY (ARRAY['approved'::text, 'refused'::text])) THEN 3
    ELSE 0
END)),
    CONSTRAINT money_out_kind_check CHECK ((kind = ANY (ARRAY['refund'::text, 'transfer'::text, 'payout'::text, 'adjustment'::text])))
);

CREATE TABLE public.money_out_limits (
    id text NOT NULL,
    api_key_id text,
    kind text NOT NULL,
    currency text NOT NULL,
    per_operation_minor bigint,
    per_day_minor bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT money_out_limits_check CHECK ((num_nonnulls(per_operation_minor, per_day_minor) > 0)),
    CONSTRAINT money_out_limits_currency_check CHECK ((currency ~ '^[a-z]{3}$'::text)),
    CONSTRAINT money_out_limits_kind_check CHECK ((kind = ANY (ARRAY['refund'::text, 'transfer'::text, 'payout'::text, 'adjustment'::text]))),
    CONSTRAINT money_out_limits_per_day_minor_check CHECK ((per_day_minor >= 0)),
    CONSTRAINT money_out_limits_per_operation_minor_check CHECK ((per_operation_minor >= 0))
);

CREATE TABLE public.money_out_switch (
    id boolean NOT NULL,
    held_at timestamp with time zone,
    held_by text,
    reason text,
    CONSTRAINT money_out_switch_check CHECK ((num_nonnulls(held_at, held_by, reason) = ANY (ARRAY[0, 3]))),
    CONSTRAINT money_out_switch_id_check CHECK (id)
);

CREATE TABLE public.netting_policies (
    id text NOT NULL,
    seller_id text,
    percent_bps bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT netting_policies_percent_bps_check CHECK (((percent_bps >= 0) AND (percent_bps <= 10000)))
);

CREATE TABLE public.nettings (
    transfer_id text NOT NULL,
    order_id text,
    seller_id text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    CONSTRAINT nettings_amount_minor_check CHECK ((amount_minor > 0))
);

CREATE TABLE public.onboarding_tokens (
    token_hash text NOT NULL,
    seller_id text NOT NULL,
    return_url text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE public.postings (
    entry_id text NOT NULL,
    "position" smallint NOT NULL,
    account_id bigint NOT NULL,
    amount_minor bigint NOT NULL,
    subject text,
    CONSTRAINT postings_amount_minor_check CHECK ((amount_minor <> 0))
);

CREATE TABLE public.transfers (
    id text NOT NULL,
    stripe_id text,
    stripe_account text NOT NULL,
    seller_id text,
    order_id text,
    transfer_group text,
    charge_id text,
    destination_payment text,
    currency text NOT NULL,
    amount_minor bigint,
    amount_reversed_minor bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    operation_id text,
    payable_minor bigint,
    made_at timestamp with time zone,
    purpose text,
    CONSTRAINT transfers_check CHECK (((state = 'paid'::text) OR (operation_id IS NOT NULL))),
    CONSTRAINT transfers_check1 CHECK (((state <> 'paid'::text) OR ((stripe_id IS NOT NULL) AND (amount_minor > 0) AND (made_at IS NOT NULL)))),
    CONSTRAINT transfers_check2 CHECK (((state <> 'paid'::text) OR (operation_id IS NULL) OR (payable_minor IS NOT NULL))),
    CONSTRAINT transfers_check3 CHECK (((state <> 'held'::text) OR ((amount_minor IS NULL) AND (payable_minor IS NULL)))),
    CONSTRAINT transfers_check4 CHECK (((state <> 'canceled'::text) OR ((amount_minor IS NULL) AND (payable_minor IS NOT NULL)))),
    CONSTRAINT transfers_check5 CHECK (((operation_id IS NULL) = (purpose IS NULL))),
    CONSTRAINT transfers_purpose_check CHECK ((purpose = ANY (ARRAY['share'::text, 'reserve'::text, 'return'::text, 'adjustment'::text]))),
    CONSTRAINT transfers_state_check CHECK ((state = ANY (ARRAY['held'::text, 'pending'::text, 'paid'::text, 'canceled'::text])))
);

CREATE TABLE public.write_off_orders (
    write_off_id text NOT NULL,
    order_id text NOT NULL,
    seller_id text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    CONSTRAINT write_off_orders_amount_minor_check CHECK ((amount_minor > 0))
);

CREATE TABLE public.write_off_recoveries (
    id text NOT NULL,
    order_id text NOT NULL,
    seller_id text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT write_off_recoveries_amount_minor_check CHECK ((amount_minor > 0))
);

CREATE VIEW public.order_debts AS
 SELECT parts.order_id,
    parts.seller_id,
    parts.currency,
    (sum(parts.amount_minor))::bigint AS amount_minor
   FROM ( SELECT e.order_id,
            split_part(a.code, ':'::text, 2) AS seller_id,
            a.currency,
            p.amount_minor
           FROM ((public.ledger_accounts a
             JOIN public.postings p ON ((p.account_id = a.id)))
             JOIN public.journal_entries e ON ((e.id = p.entry_id)))
          WHERE ((a.code ~~ 'seller:%:receivable'::text) AND (e.order_id IS NOT NULL))
        UNION ALL
         SELECT n.order_id,
            n.seller_id,
            n.currency,
            (- n.amount_minor)
           FROM public.nettings n
          WHERE (n.order_id IS NOT NULL)
        UNION ALL
         SELECT t.order_id,
            n.seller_id,
            n.currency,
            n.amount_minor
           FROM (public.nettings n
             JOIN public.transfers t ON ((t.id = n.transfer_id)))
          WHERE (t.state <> 'pending'::text)
        UNION ALL
         SELECT w.order_id,
            w.seller_id,
            w.currency,
            (- w.amount_minor)
           FROM public.write_off_orders w
        UNION ALL
         SELECT r.order_id,
            r.seller_id,
            r.currency,
            r.amount_minor
           FROM public.write_off_recoveries r) parts
  GROUP BY parts.order_id, parts.seller_id, parts.currency;

CREATE TABLE public.order_lines (
    id text NOT NULL,
    order_id text NOT NULL,
    "position" integer NOT NULL,
    type text NOT NULL,
    seller_id text,
    description text NOT NULL,
    unit_amount_minor bigint NOT NULL,
    quantity bigint NOT NULL,
    amount_minor bigint NOT NULL,
    category text,
    funded_by text,
    fee_applies boolean NOT NULL,
    fee_policy_id text,
    fee_percent_bps bigint,
    fee_fixed_minor bigint,
    fee_minimum_minor bigint,
    fee_maximum_minor bigint,
    seller_minor bigint NOT NULL,
    platform_fee_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    platform_sales_minor bigint NOT NULL,
    platform_discount_minor bigint NOT NULL,
    released_at timestamp with time zone,
    transfer_id text,
    release_id text,
    reserve_minor bigint DEFAULT 0 NOT NULL,
    reserve_transfer_id text,
    CONSTRAINT order_lines_check CHECK (((reserve_minor >= 0) AND (reserve_minor <= GREATEST(seller_minor, (0)::bigint)))),
    CONSTRAINT order_lines_check1 CHECK (((type = 'discount'::text) OR (amount_minor >= 0))),
    CONSTRAINT order_lines_check2 CHECK (((type <> 'discount'::text) OR (amount_minor <= 0))),
    CONSTRAINT order_lines_check3 CHECK ((amount_minor = ((((seller_minor + platform_fee_minor) + tax_minor) + platform_sales_minor) - platform_discount_minor))),
    CONSTRAINT order_lines_funded_by_check CHECK ((funded_by = ANY (ARRAY['platform'::text, 'seller'::text]))),
    CONSTRAINT order_lines_platform_discount_minor_check CHECK ((platform_discount_minor >= 0)),
    CONSTRAINT order_lines_platform_fee_minor_check CHECK ((platform_fee_minor >= 0)),
    CONSTRAINT order_lines_platform_sales_minor_check CHECK ((platform_sales_minor >= 0)),
    CONSTRAINT order_lines_quantity_check CHECK ((quantity > 0)),
    CONSTRAINT order_lines_tax_minor_check CHECK ((tax_minor >= 0)),
    CONSTRAINT order_lines_type_check CHECK ((type = ANY (ARRAY['item'::text, 'shipping'::text, 'tax'::text, 'tip'::text, 'discount'::text, 'share'::text]))),
    CONSTRAINT order_lines_within_what_was_placed CHECK ((abs(amount_minor) <= abs((unit_amount_minor * quantity))))
);

CREATE TABLE public.order_sellers (
    order_id text NOT NULL,
    seller_id text NOT NULL,
    stripe_account text NOT NULL,
    amount_minor bigint NOT NULL,
    reserve_basis_points bigint,
    reserve_days bigint,
    CONSTRAINT order_sellers_amount_minor_check CHECK ((amount_minor >= 0)),
    CONSTRAINT order_sellers_check CHECK (((reserve_basis_points IS NULL) = (reserve_days IS NULL))),
    CONSTRAINT order_sellers_reserve_basis_points_check CHECK (((reserve_basis_points >= 1) AND (reserve_basis_points <= 10000))),
    CONSTRAINT order_sellers_reserve_days_check CHECK (((reserve_days >= 1) AND (reserve_days <= 365)))
);

CREATE TABLE public.orders (
    id text NOT NULL,
    external_id text,
    placement jsonb NOT NULL,
    status text NOT NULL,
    charge_shape text NOT NULL,
    seller_id text,
    stripe_account text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    application_fee_minor bigint NOT NULL,
    amount_captured_minor bigint DEFAULT 0 NOT NULL,
    amount_refunded_minor bigint DEFAULT 0 NOT NULL,
    buyer_external_id text,
    buyer_email text,
    payment text NOT NULL,
    capture text NOT NULL,
    success_url text,
    cancel_url text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    payable text NOT NULL,
    payment_try integer DEFAULT 1 NOT NULL,
    payable_operation text,
    checkout_session text,
    checkout_url text,
    payment_intent text,
    client_secret text,
    payable_expires_at timestamp with time zone,
    charge_id text,
    last_payment_error jsonb,
    dispute_status text,
    cancel_requested_at timestamp with time zone,
    canceled_at timestamp with time zone,
    paid_at timestamp with time zone,
    livemode boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    release_on text NOT NULL,
    release_days integer,
    dispute_bearer text NOT NULL,
    CONSTRAINT orders_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT orders_capture_check CHECK ((capture = ANY (ARRAY['automatic'::text, 'manual'::text]))),
    CONSTRAINT orders_charge_shape_check CHECK ((charge_shape = ANY (ARRAY['destination'::text, 'separate'::text, 'direct'::text]))),
    CONSTRAINT orders_check CHECK (((application_fee_minor >= 0) AND (application_fee_minor <= amount_minor))),
    CONSTRAINT orders_check1 CHECK (((payable <> 'open'::text) OR (checkout_session IS NOT NULL) OR (payment_intent IS NOT NULL))),
    CONSTRAINT orders_check2 CHECK (((status <> ALL (ARRAY['paid'::text, 'partially_refunded'::text, 'refunded'::text, 'failed_after_payment'::text])) OR ((charge_id IS NOT NULL) AND (paid_at IS NOT NULL)))),
    CONSTRAINT orders_check3 CHECK (((amount_refunded_minor >= 0) AND (amount_refunded_minor <= amount_captured_minor))),
    CONSTRAINT orders_check4 CHECK (((charge_shape = 'separate'::text) = (seller_id IS NULL))),
    CONSTRAINT orders_check5 CHECK (((charge_shape = 'separate'::text) = (stripe_account IS NULL))),
    CONSTRAINT orders_check6 CHECK (((release_on = 'delay'::text) = (release_days IS NOT NULL))),
    CONSTRAINT orders_dispute_bearer_check CHECK ((dispute_bearer = ANY (ARRAY['platform'::text, 'seller'::text]))),
    CONSTRAINT orders_payable_check CHECK ((payable = ANY (ARRAY['none'::text, 'creating'::text, 'open'::text, 'closed'::text]))),
    CONSTRAINT orders_payment_check CHECK ((payment = ANY (ARRAY['checkout'::text, 'payment_intent'::text]))),
    CONSTRAINT orders_payment_try_check CHECK ((payment_try > 0)),
    CONSTRAINT orders_release_days_check CHECK ((release_days > 0)),
    CONSTRAINT orders_release_on_check CHECK ((release_on = ANY (ARRAY['payment'::text, 'fulfilment'::text, 'delay'::text]))),
    CONSTRAINT orders_status_check CHECK ((status = ANY (ARRAY['awaiting_payment'::text, 'requires_action'::text, 'processing'::text, 'authorized'::text, 'paid'::text, 'partially_refunded'::text, 'refunded'::text, 'payment_failed'::text, 'failed_after_payment'::text, 'expired'::text, 'canceled'::text])))
);

CREATE TABLE public.outbox_attempts (
    delivery_id text NOT NULL,
    attempt integer NOT NULL,
    attempted_at timestamp with time zone NOT NULL,
    duration_ms bigint NOT NULL,
    status integer,
    error text
);

CREATE TABLE public.outbox_deliveries (
    id text NOT NULL,
    event_id text NOT NULL,
    destination_id text NOT NULL,
    state text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    due_at timestamp with time zone,
    leased_until timestamp with time zone,
    fence bigint DEFAULT 0 NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT outbox_deliveries_due CHECK (((state = 'waiting'::text) = (due_at IS NOT NULL))),
    CONSTRAINT outbox_deliveries_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'failed'::text, 'canceled'::text])))
);

CREATE TABLE public.outbox_events (
    id text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    type text NOT NULL,
    about text NOT NULL,
    object json NOT NULL
);

CREATE TABLE public.payout_items (
    payout_id text NOT NULL,
    "position" integer NOT NULL,
    stripe_account text NOT NULL,
    transaction_id text NOT NULL,
    amount_minor bigint NOT NULL,
    CONSTRAINT payout_items_amount_minor_check CHECK ((amount_minor <> 0))
);

CREATE TABLE public.payouts (
    id text NOT NULL,
    stripe_id text,
    stripe_account text NOT NULL,
    seller_id text,
    status text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    automatic boolean NOT NULL,
    method text NOT NULL,
    arrives_at timestamp with time zone,
    failure_code text,
    failure_message text,
    paid_at timestamp with time zone,
    returned_at timestamp with time zone,
    returned_after_paid boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    origin text NOT NULL,
    external_id text,
    operation_id text,
    description text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    destination text,
    items_source text,
    itemized_at timestamp with time zone,
    reconciliation_status text,
    original_payout text,
    opened_at timestamp with time zone,
    CONSTRAINT payouts_check CHECK (((origin = 'souk'::text) = (external_id IS NOT NULL))),
    CONSTRAINT payouts_check1 CHECK (((origin = 'souk'::text) OR ((stripe_id IS NOT NULL) AND (arrives_at IS NOT NULL)))),
    CONSTRAINT payouts_check2 CHECK (((items_source IS NULL) = (itemized_at IS NULL))),
    CONSTRAINT payouts_items_source_check CHECK ((items_source = ANY (ARRAY['stripe'::text, 'allocation'::text, 'opening'::text]))),
    CONSTRAINT payouts_origin_check CHECK ((origin = ANY (ARRAY['souk'::text, 'stripe'::text])))
);

CREATE TABLE public.reconciliation_findings (
    id text NOT NULL,
    reconciliation_id text,
    kind text NOT NULL,
    stripe_account text NOT NULL,
    object_id text NOT NULL,
    currency text,
    expected_minor bigint,
    actual_minor bigint,
    detail text NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    part text,
    parent_id text,
    operation_id text,
    repair text,
    approved_at timestamp with time zone,
    look_again_at timestamp with time zone,
    looks integer,
    CONSTRAINT reconciliation_findings_check CHECK (((part IS NULL) = (reconciliation_id IS NULL))),
    CONSTRAINT reconciliation_findings_check1 CHECK (((repair IS NULL) = (approved_at IS NULL))),
    CONSTRAINT reconciliation_findings_check2 CHECK (((look_again_at IS NULL) OR ((status = 'open'::text) AND (looks IS NOT NULL)))),
    CONSTRAINT reconciliation_findings_part_check CHECK ((part = ANY (ARRAY['transfers'::text, 'payouts'::text, 'balances'::text, 'clearing'::text, 'operations'::text]))),
    CONSTRAINT reconciliation_findings_status_check CHECK ((status = ANY (ARRAY['open'::text, 'closed'::text])))
);

CREATE TABLE public.reconciliations (
    id text NOT NULL,
    scope text NOT NULL,
    seller_id text,
    period_from timestamp with time zone,
    period_to timestamp with time zone,
    status text NOT NULL,
    matched bigint DEFAULT 0 NOT NULL,
    findings_count bigint DEFAULT 0 NOT NULL,
    difference jsonb DEFAULT '{}'::jsonb NOT NULL,
    failure text,
    lease_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    scheduled_for timestamp with time zone,
    fetching_ms bigint,
    comparing_ms bigint,
    CONSTRAINT reconciliations_status_check CHECK ((status = ANY (ARRAY['running'::text, 'completed'::text, 'failed'::text])))
);

CREATE TABLE public.recoveries (
    id text NOT NULL,
    operation_id text NOT NULL,
    order_id text NOT NULL,
    charge_id text NOT NULL,
    seller_id text NOT NULL,
    transfer_id text,
    cause text NOT NULL,
    refund_id text,
    dispute_id text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    taking_minor bigint,
    external_id text,
    request jsonb,
    metadata jsonb,
    failure_code text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT recoveries_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT recoveries_cause_check CHECK ((cause = ANY (ARRAY['refund'::text, 'dispute'::text, 'late_failure'::text, 'request'::text]))),
    CONSTRAINT recoveries_check CHECK (((cause = 'refund'::text) = (refund_id IS NOT NULL))),
    CONSTRAINT recoveries_check1 CHECK (((cause = 'dispute'::text) = (dispute_id IS NOT NULL))),
    CONSTRAINT recoveries_check2 CHECK (((cause = 'request'::text) = (request IS NOT NULL))),
    CONSTRAINT recoveries_check3 CHECK (((cause = 'request'::text) = (metadata IS NOT NULL))),
    CONSTRAINT recoveries_check4 CHECK (((cause = 'request'::text) OR ((external_id IS NULL) AND (failure_code IS NULL)))),
    CONSTRAINT recoveries_taking_minor_check CHECK ((taking_minor > 0))
);

CREATE TABLE public.stripe_operations (
    id text NOT NULL,
    kind text NOT NULL,
    subject_id text NOT NULL,
    state text NOT NULL,
    reason text,
    unique_key text,
    attempt integer DEFAULT 1 NOT NULL,
    method text,
    path text,
    stripe_account text,
    stripe_version text,
    body bytea,
    first_sent_at timestamp with time zone,
    last_sent_at timestamp with time zone,
    sends integer DEFAULT 0 NOT NULL,
    look_up_since timestamp with time zone,
    lease_until timestamp with time zone,
    lease_number bigint DEFAULT 0 NOT NULL,
    due_at timestamp with time zone NOT NULL,
    stripe_id text,
    refusal jsonb,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    waits_for text,
    asked_by text,
    CONSTRAINT stripe_operations_attempt_check CHECK ((attempt > 0)),
    CONSTRAINT stripe_operations_check CHECK (((state <> ALL (ARRAY['pending'::text, 'sent'::text, 'succeeded'::text])) OR (body IS NOT NULL))),
    CONSTRAINT stripe_operations_check1 CHECK (((state <> 'held'::text) OR ((body IS NULL) AND (reason IS NOT NULL)))),
    CONSTRAINT stripe_operations_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'held'::text, 'sent'::text, 'succeeded'::text, 'failed'::text, 'needs_review'::text])))
);

CREATE TABLE public.transfer_reversals (
    id text NOT NULL,
    stripe_id text NOT NULL,
    order_id text NOT NULL,
    charge_id text NOT NULL,
    origin text NOT NULL,
    operation_id text,
    stripe_refund text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    stripe_transfer text NOT NULL,
    refund_id text,
    CONSTRAINT transfer_reversals_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT transfer_reversals_origin_check CHECK ((origin = ANY (ARRAY['souk'::text, 'stripe'::text])))
);

CREATE VIEW public.recoveries_under_way AS
 SELECT k.id,
    k.operation_id,
    k.order_id,
    k.charge_id,
    k.seller_id,
    k.transfer_id,
    k.cause,
    k.refund_id,
    k.dispute_id,
    k.currency,
    k.amount_minor,
    k.taking_minor,
    k.external_id,
    k.request,
    k.metadata,
    k.failure_code,
    k.created_at,
    o.state,
    COALESCE(k.taking_minor, k.amount_minor) AS under_way_minor
   FROM (public.recoveries k
     JOIN public.stripe_operations o ON ((o.id = k.operation_id)))
  WHERE ((o.state <> ALL (ARRAY['succeeded'::text, 'failed'::text])) AND (NOT (EXISTS ( SELECT 1
           FROM public.transfer_reversals v
          WHERE (v.id = k.id)))) AND (NOT ((o.state = 'held'::text) AND ((EXISTS ( SELECT 1
           FROM public.refunds r
          WHERE ((r.id = k.refund_id) AND (NOT r.claims)))) OR (EXISTS ( SELECT 1
           FROM public.disputes d
          WHERE ((d.id = k.dispute_id) AND (d.reinstated_at IS NOT NULL))))))));

CREATE TABLE public.releases (
    id text NOT NULL,
    order_id text NOT NULL,
    external_id text,
    request jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.reserve_policies (
    seller_id text NOT NULL,
    basis_points bigint NOT NULL,
    days bigint NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT reserve_policies_basis_points_check CHECK (((basis_points >= 1) AND (basis_points <= 10000))),
    CONSTRAINT reserve_policies_days_check CHECK (((days >= 1) AND (days <= 365)))
);

CREATE TABLE public.reserves (
    transfer_id text NOT NULL,
    order_id text NOT NULL,
    seller_id text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    held_at timestamp with time zone NOT NULL,
    release_at timestamp with time zone NOT NULL,
    released_at timestamp with time zone,
    released_minor bigint,
    CONSTRAINT reserves_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT reserves_check CHECK (((released_minor >= 0) AND (released_minor <= amount_minor))),
    CONSTRAINT reserves_check1 CHECK (((released_at IS NULL) = (released_minor IS NULL)))
);

CREATE VIEW public.reserves_held AS
 SELECT r.transfer_id,
    r.order_id,
    r.seller_id,
    r.currency,
    r.release_at,
    (((r.amount_minor)::numeric - COALESCE(( SELECT sum(f.reserve_minor) AS sum
           FROM (public.line_takings f
             JOIN public.order_lines l ON ((l.id = f.line_id)))
          WHERE (l.reserve_transfer_id = r.transfer_id)), (0)::numeric)))::bigint AS held_minor
   FROM public.reserves r
  WHERE (r.released_at IS NULL);

CREATE TABLE public.schema_migrations (
    number bigint NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.sellers (
    id text NOT NULL,
    external_id text NOT NULL,
    email text,
    country text NOT NULL,
    business_type text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    creation jsonb NOT NULL,
    origin text NOT NULL,
    livemode boolean NOT NULL,
    stripe_account text,
    account jsonb,
    connection_changed_at timestamp with time zone,
    deauthorized_at timestamp with time zone,
    held_at timestamp with time zone,
    hold_reason text,
    status text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT sellers_check CHECK (((account IS NULL) OR (stripe_account IS NOT NULL))),
    CONSTRAINT sellers_check1 CHECK (((held_at IS NULL) = (hold_reason IS NULL))),
    CONSTRAINT sellers_check2 CHECK (((status = 'disconnected'::text) = (deauthorized_at IS NOT NULL))),
    CONSTRAINT sellers_origin_check CHECK ((origin = ANY (ARRAY['souk'::text, 'joined'::text]))),
    CONSTRAINT sellers_status_check CHECK ((status = ANY (ARRAY['onboarding'::text, 'under_review'::text, 'action_required'::text, 'active'::text, 'restricted'::text, 'disabled'::text, 'rejected'::text, 'disconnected'::text])))
);

CREATE VIEW public.seller_accounts AS
 SELECT sellers.stripe_account,
    sellers.id AS seller_id,
    (sellers.deauthorized_at IS NOT NULL) AS deauthorized
   FROM public.sellers
  WHERE (sellers.stripe_account IS NOT NULL)
UNION ALL
 SELECT former_accounts.stripe_account,
    former_accounts.seller_id,
    former_accounts.deauthorized
   FROM public.former_accounts;

CREATE VIEW public.share_parts AS
 SELECT l.id AS line_id,
    l.order_id,
    l.seller_id,
    l.transfer_id,
    (l.seller_minor -
        CASE
            WHEN (l.reserve_transfer_id IS NULL) THEN (0)::bigint
            ELSE l.reserve_minor
        END) AS share_minor,
    ((COALESCE(f.taken, (0)::numeric) +
        CASE
            WHEN (l.reserve_transfer_id IS NULL) THEN COALESCE(f.reserve, (0)::numeric)
            ELSE (0)::numeric
        END))::bigint AS taken_minor,
    (COALESCE(f.owed, (0)::numeric))::bigint AS owed_minor
   FROM (public.order_lines l
     CROSS JOIN LATERAL ( SELECT sum((f_1.seller_minor - f_1.reserve_minor)) FILTER (WHERE (f_1.transfer_id IS NULL)) AS taken,
            sum((f_1.seller_minor - f_1.reserve_minor)) FILTER (WHERE (f_1.transfer_id IS NOT NULL)) AS owed,
            sum(f_1.reserve_minor) AS reserve
           FROM public.line_takings f_1
          WHERE (f_1.line_id = l.id)) f)
  WHERE (l.seller_id IS NOT NULL)
UNION ALL
 SELECT l.id AS line_id,
    l.order_id,
    l.seller_id,
    l.reserve_transfer_id AS transfer_id,
    l.reserve_minor AS share_minor,
    ( SELECT (COALESCE(sum(f.reserve_minor), (0)::numeric))::bigint AS "coalesce"
           FROM public.line_takings f
          WHERE (f.line_id = l.id)) AS taken_minor,
    0 AS owed_minor
   FROM public.order_lines l
  WHERE (l.reserve_transfer_id IS NOT NULL);

CREATE TABLE public.stripe_objects (
    stripe_account text NOT NULL,
    id text NOT NULL,
    kind text NOT NULL,
    version bigint NOT NULL,
    body bytea,
    gone_reason text,
    refreshed_at timestamp with time zone NOT NULL
);

CREATE TABLE public.write_offs (
    id text NOT NULL,
    seller_id text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    reason text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT write_offs_amount_minor_check CHECK ((amount_minor > 0))
);

ALTER TABLE ONLY public.inbox_events ATTACH PARTITION public.inbox_events_default DEFAULT;

ALTER TABLE ONLY public.adjustments
    ADD CONSTRAINT adjustments_external_id_key UNIQUE (external_id);

ALTER TABLE ONLY public.adjustments
    ADD CONSTRAINT adjustments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.adjustments
    ADD CONSTRAINT adjustments_transfer_id_key UNIQUE (transfer_id);

ALTER TABLE ONLY public.adopted_objects
    ADD CONSTRAINT adopted_objects_pkey PRIMARY KEY (stripe_account, stripe_id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.awaited_entries
    ADD CONSTRAINT awaited_entries_pkey PRIMARY KEY (cause);

ALTER TABLE ONLY public.awaited_rows
    ADD CONSTRAINT awaited_rows_pkey PRIMARY KEY (stripe_account, category, subject_id);

ALTER TABLE ONLY public.balance_feeds
    ADD CONSTRAINT balance_feeds_pkey PRIMARY KEY (stripe_account);

ALTER TABLE ONLY public.balance_transactions
    ADD CONSTRAINT balance_transactions_pkey PRIMARY KEY (stripe_account, id);

ALTER TABLE ONLY public.charges
    ADD CONSTRAINT charges_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.closed_months
    ADD CONSTRAINT closed_months_pkey PRIMARY KEY (month);

ALTER TABLE ONLY public.commission_invoices
    ADD CONSTRAINT commission_invoices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.commission_invoices
    ADD CONSTRAINT commission_invoices_seller_id_month_currency_key UNIQUE (seller_id, month, currency);

ALTER TABLE ONLY public.commission_invoices
    ADD CONSTRAINT commission_invoices_year_sequence_key UNIQUE (year, sequence);

ALTER TABLE ONLY public.dispute_lines
    ADD CONSTRAINT dispute_lines_pkey PRIMARY KEY (dispute_id, line_id);

ALTER TABLE ONLY public.dispute_sellers
    ADD CONSTRAINT dispute_sellers_pkey PRIMARY KEY (dispute_id, seller_id);

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_stripe_id_key UNIQUE (stripe_id);

ALTER TABLE ONLY public.event_destinations
    ADD CONSTRAINT event_destinations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.fee_policies
    ADD CONSTRAINT fee_policies_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.fee_refunds
    ADD CONSTRAINT fee_refunds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.fee_refunds
    ADD CONSTRAINT fee_refunds_stripe_id_key UNIQUE (stripe_id);

ALTER TABLE ONLY public.former_accounts
    ADD CONSTRAINT former_accounts_pkey PRIMARY KEY (stripe_account);

ALTER TABLE ONLY public.fraud_warnings
    ADD CONSTRAINT fraud_warnings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.fraud_warnings
    ADD CONSTRAINT fraud_warnings_stripe_id_key UNIQUE (stripe_id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (api_key_id, route, key);

ALTER TABLE ONLY public.inbox_event_ids
    ADD CONSTRAINT inbox_event_ids_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY public.inbox_events
    ADD CONSTRAINT inbox_events_pkey PRIMARY KEY (received_at, event_id);

ALTER TABLE ONLY public.inbox_events_default
    ADD CONSTRAINT inbox_events_default_pkey PRIMARY KEY (received_at, event_id);

ALTER TABLE ONLY public.inbox_leases
    ADD CONSTRAINT inbox_leases_pkey PRIMARY KEY (object_key);

ALTER TABLE ONLY public.inbox_sweeps
    ADD CONSTRAINT inbox_sweeps_pkey PRIMARY KEY (account);

ALTER TABLE ONLY public.journal_entries
    ADD CONSTRAINT journal_entries_cause_key UNIQUE (cause);

ALTER TABLE ONLY public.journal_entries
    ADD CONSTRAINT journal_entries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ledger_accounts
    ADD CONSTRAINT ledger_accounts_code_currency_key UNIQUE (code, currency);

ALTER TABLE ONLY public.ledger_accounts
    ADD CONSTRAINT ledger_accounts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ledger_subjects
    ADD CONSTRAINT ledger_subjects_pkey PRIMARY KEY (account_id, subject);

ALTER TABLE ONLY public.money_out_limits
    ADD CONSTRAINT money_out_limits_key UNIQUE NULLS NOT DISTINCT (api_key_id, kind, currency);

ALTER TABLE ONLY public.money_out_limits
    ADD CONSTRAINT money_out_limits_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.money_out
    ADD CONSTRAINT money_out_pkey PRIMARY KEY (operation_id);

ALTER TABLE ONLY public.money_out_switch
    ADD CONSTRAINT money_out_switch_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.netting_policies
    ADD CONSTRAINT netting_policies_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.onboarding_tokens
    ADD CONSTRAINT onboarding_tokens_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.order_lines
    ADD CONSTRAINT order_lines_order_id_position_key UNIQUE (order_id, "position");

ALTER TABLE ONLY public.order_lines
    ADD CONSTRAINT order_lines_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.order_sellers
    ADD CONSTRAINT order_sellers_pkey PRIMARY KEY (order_id, seller_id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_external_id_key UNIQUE (external_id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.outbox_attempts
    ADD CONSTRAINT outbox_attempts_pkey PRIMARY KEY (delivery_id, attempt);

ALTER TABLE ONLY public.outbox_deliveries
    ADD CONSTRAINT outbox_deliveries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.outbox_events
    ADD CONSTRAINT outbox_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.payout_items
    ADD CONSTRAINT payout_items_payout_id_transaction_id_key UNIQUE (payout_id, transaction_id);

ALTER TABLE ONLY public.payout_items
    ADD CONSTRAINT payout_items_pkey PRIMARY KEY (payout_id, "position");

ALTER TABLE ONLY public.payouts
    ADD CONSTRAINT payouts_external_id_key UNIQUE (external_id);

ALTER TABLE ONLY public.payouts
    ADD CONSTRAINT payouts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.payouts
    ADD CONSTRAINT payouts_stripe_id_key UNIQUE (stripe_id);

ALTER TABLE ONLY public.postings
    ADD CONSTRAINT postings_pkey PRIMARY KEY (entry_id, "position");

ALTER TABLE ONLY public.reconciliation_findings
    ADD CONSTRAINT reconciliation_findings_object_key UNIQUE NULLS NOT DISTINCT (reconciliation_id, part, kind, stripe_account, object_id, currency);

ALTER TABLE ONLY public.reconciliation_findings
    ADD CONSTRAINT reconciliation_findings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.reconciliations
    ADD CONSTRAINT reconciliations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.reconciliations
    ADD CONSTRAINT reconciliations_scheduled_for_key UNIQUE (scheduled_for);

ALTER TABLE ONLY public.recoveries
    ADD CONSTRAINT recoveries_operation_id_key UNIQUE (operation_id);

ALTER TABLE ONLY public.recoveries
    ADD CONSTRAINT recoveries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.refund_lines
    ADD CONSTRAINT refund_lines_pkey PRIMARY KEY (refund_id, line_id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_external_id_key UNIQUE (external_id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_stripe_id_key UNIQUE (stripe_id);

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_external_id_key UNIQUE (external_id);

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.reserve_policies
    ADD CONSTRAINT reserve_policies_pkey PRIMARY KEY (seller_id);

ALTER TABLE ONLY public.reserves
    ADD CONSTRAINT reserves_order_id_seller_id_key UNIQUE (order_id, seller_id);

ALTER TABLE ONLY public.reserves
    ADD CONSTRAINT reserves_pkey PRIMARY KEY (transfer_id);

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.sellers
    ADD CONSTRAINT sellers_external_id_key UNIQUE (external_id);

ALTER TABLE ONLY public.sellers
    ADD CONSTRAINT sellers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.sellers
    ADD CONSTRAINT sellers_stripe_account_key UNIQUE (stripe_account);

ALTER TABLE ONLY public.stripe_objects
    ADD CONSTRAINT stripe_objects_pkey PRIMARY KEY (stripe_account, id);

ALTER TABLE ONLY public.stripe_operations
    ADD CONSTRAINT stripe_operations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfer_reversals
    ADD CONSTRAINT transfer_reversals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfer_reversals
    ADD CONSTRAINT transfer_reversals_stripe_id_key UNIQUE (stripe_id);

ALTER TABLE ONLY public.transfers
    ADD CONSTRAINT transfers_operation_id_key UNIQUE (operation_id);

ALTER TABLE ONLY public.transfers
    ADD CONSTRAINT transfers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfers
    ADD CONSTRAINT transfers_stripe_id_key UNIQUE (stripe_id);

ALTER TABLE ONLY public.write_off_orders
    ADD CONSTRAINT write_off_orders_pkey PRIMARY KEY (write_off_id, order_id);

ALTER TABLE ONLY public.write_off_recoveries
    ADD CONSTRAINT write_off_recoveries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.write_offs
    ADD CONSTRAINT write_offs_pkey PRIMARY KEY (id);

CREATE INDEX adjustments_seller ON public.adjustments USING btree (seller_id, id);

CREATE INDEX audit_log_action ON public.audit_log USING btree (action, id);

CREATE INDEX audit_log_caller ON public.audit_log USING btree (caller, id);

CREATE INDEX audit_log_subject ON public.audit_log USING btree (subject, id);

CREATE INDEX awaited_entries_account ON public.awaited_entries USING btree (stripe_account, since);

CREATE INDEX balance_feeds_due ON public.balance_feeds USING btree (due_at) WHERE (frozen_reason IS NULL);

CREATE INDEX balance_transactions_created ON public.balance_transactions USING btree (stripe_account, created_at DESC, id);

CREATE INDEX balance_transactions_source ON public.balance_transactions USING btree (source_id) WHERE (source_id IS NOT NULL);

CREATE INDEX balance_transactions_subject ON public.balance_transactions USING btree (subject_id) WHERE (subject_id IS NOT NULL);

CREATE INDEX charges_application_fee ON public.charges USING btree (application_fee_id);

CREATE INDEX charges_order ON public.charges USING btree (order_id);

CREATE INDEX charges_payment_intent ON public.charges USING btree (payment_intent);

CREATE UNIQUE INDEX charges_sale ON public.charges USING btree (order_id) WHERE (purpose = 'sale'::text);

CREATE INDEX charges_transfer ON public.charges USING btree (transfer_id);

CREATE INDEX commission_invoices_seller ON public.commission_invoices USING btree (seller_id, id);

CREATE INDEX dispute_lines_line ON public.dispute_lines USING btree (line_id);

CREATE INDEX disputes_charge ON public.disputes USING btree (charge_id);

CREATE INDEX disputes_evidence_due ON public.disputes USING btree (evidence_due_at) WHERE (reminded_at IS NULL);

CREATE INDEX disputes_order ON public.disputes USING btree (order_id, id);

CREATE INDEX disputes_status ON public.disputes USING btree (status, id);

CREATE INDEX fee_policies_scope ON public.fee_policies USING btree (currency, scope, seller_id, category, created_at DESC, id DESC);

CREATE INDEX fee_refunds_charge ON public.fee_refunds USING btree (charge_id);

CREATE INDEX fee_refunds_order ON public.fee_refunds USING btree (order_id);

CREATE INDEX fee_refunds_refund ON public.fee_refunds USING btree (refund_id) WHERE (refund_id IS NOT NULL);

CREATE INDEX former_accounts_seller ON public.former_accounts USING btree (seller_id);

CREATE INDEX fraud_warnings_order ON public.fraud_warnings USING btree (order_id, id);

CREATE INDEX idempotency_keys_expiry ON public.idempotency_keys USING btree (expires_at);

CREATE INDEX inbox_event_ids_due_at ON public.inbox_event_ids USING btree (due_at) WHERE (state = 'waiting'::text);

CREATE INDEX inbox_event_ids_object ON public.inbox_event_ids USING btree (object_key) WHERE (state = 'waiting'::text);

CREATE INDEX inbox_event_ids_parked ON public.inbox_event_ids USING btree (received_at) WHERE (state = 'parked'::text);

CREATE INDEX inbox_events_idempotency_key ON ONLY public.inbox_events USING btree (idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX inbox_events_default_idempotency_key_idx ON public.inbox_events_default USING btree (idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX journal_entries_effective ON public.journal_entries USING btree (effective_at, id);

CREATE INDEX journal_entries_order ON public.journal_entries USING btree (order_id) WHERE (order_id IS NOT NULL);

CREATE INDEX journal_entries_recorded ON public.journal_entries USING btree (recorded_at, id);

CREATE INDEX journal_entries_seller ON public.journal_entries USING btree (seller_id, id) WHERE (seller_id IS NOT NULL);

CREATE INDEX ledger_accounts_receivable ON public.ledger_accounts USING btree (split_part(code, ':'::text, 2)) WHERE (code ~~ 'seller:%:receivable'::text);

CREATE INDEX ledger_subjects_open ON public.ledger_subjects USING btree (account_id, opened_at) WHERE (balance_minor <> 0);

CREATE INDEX money_out_counted ON public.money_out USING btree (asked_by, kind, currency, counted_at) WHERE (approval IS NULL);

CREATE INDEX money_out_waiting ON public.money_out USING btree (operation_id) WHERE (approval = 'needed'::text);

CREATE INDEX netting_policies_seller ON public.netting_policies USING btree (seller_id, created_at DESC, id DESC);

CREATE INDEX nettings_order ON public.nettings USING btree (order_id);

CREATE INDEX nettings_seller ON public.nettings USING btree (seller_id);

CREATE UNIQUE INDEX nettings_transfer ON public.nettings USING btree (transfer_id, COALESCE(order_id, ''::text));

CREATE INDEX onboarding_tokens_seller ON public.onboarding_tokens USING btree (seller_id, created_at);

CREATE INDEX order_lines_release ON public.order_lines USING btree (release_id) WHERE (release_id IS NOT NULL);

CREATE INDEX order_lines_reserve_transfer ON public.order_lines USING btree (reserve_transfer_id) WHERE (reserve_transfer_id IS NOT NULL);

CREATE INDEX order_lines_transfer ON public.order_lines USING btree (transfer_id) WHERE (transfer_id IS NOT NULL);

CREATE INDEX order_sellers_seller ON public.order_sellers USING btree (seller_id, order_id);

CREATE UNIQUE INDEX orders_checkout_session ON public.orders USING btree (checkout_session) WHERE (checkout_session IS NOT NULL);

CREATE INDEX orders_created ON public.orders USING btree (created_at, id);

CREATE UNIQUE INDEX orders_payment_intent ON public.orders USING btree (payment_intent) WHERE (payment_intent IS NOT NULL);

CREATE INDEX orders_status ON public.orders USING btree (status, id);

CREATE INDEX outbox_deliveries_destination ON public.outbox_deliveries USING btree (destination_id, id);

CREATE INDEX outbox_deliveries_due_at ON public.outbox_deliveries USING btree (destination_id, due_at) WHERE (state = 'waiting'::text);

CREATE INDEX outbox_deliveries_event ON public.outbox_deliveries USING btree (event_id);

CREATE INDEX outbox_events_about ON public.outbox_events USING btree (about, id);

CREATE INDEX outbox_events_type ON public.outbox_events USING btree (type, id);

CREATE INDEX payout_items_transaction ON public.payout_items USING btree (stripe_account, transaction_id);

CREATE INDEX payouts_operation ON public.payouts USING btree (operation_id) WHERE (operation_id IS NOT NULL);

CREATE INDEX payouts_seller ON public.payouts USING btree (seller_id, id);

CREATE INDEX payouts_status ON public.payouts USING btree (status, arrives_at);

CREATE INDEX payouts_without_items ON public.payouts USING btree (stripe_account, created_at, id) WHERE (itemized_at IS NULL);

CREATE INDEX postings_account ON public.postings USING btree (account_id, entry_id);

CREATE INDEX postings_subject ON public.postings USING btree (subject, account_id) WHERE (subject IS NOT NULL);

CREATE INDEX reconciliation_findings_look_again ON public.reconciliation_findings USING btree (look_again_at) WHERE (look_again_at IS NOT NULL);

CREATE INDEX reconciliation_findings_object ON public.reconciliation_findings USING btree (object_id) WHERE (status = 'open'::text);

CREATE INDEX reconciliation_findings_open ON public.reconciliation_findings USING btree (id) WHERE (status = 'open'::text);

CREATE INDEX reconciliation_findings_run ON public.reconciliation_findings USING btree (reconciliation_id, id);

CREATE UNIQUE INDEX reconciliation_findings_without_run ON public.reconciliation_findings USING btree (kind, stripe_account, object_id) WHERE (reconciliation_id IS NULL);

CREATE UNIQUE INDEX recoveries_external_id_key ON public.recoveries USING btree (external_id) WHERE ((external_id IS NOT NULL) AND (failure_code IS NULL));

CREATE INDEX recoveries_order ON public.recoveries USING btree (order_id, seller_id);

CREATE INDEX recoveries_seller ON public.recoveries USING btree (seller_id);

CREATE INDEX recoveries_transfer ON public.recoveries USING btree (transfer_id) WHERE (transfer_id IS NOT NULL);

CREATE INDEX refund_lines_line ON public.refund_lines USING btree (line_id);

CREATE INDEX refunds_charge ON public.refunds USING btree (charge_id);

CREATE INDEX refunds_due ON public.refunds USING btree (charge_id) WHERE ((status = 'failed'::text) AND (stripe_id IS NOT NULL) AND (settlement IS NULL));

CREATE INDEX refunds_operation ON public.refunds USING btree (operation_id) WHERE (operation_id IS NOT NULL);

CREATE INDEX refunds_order ON public.refunds USING btree (order_id, id);

CREATE INDEX releases_order ON public.releases USING btree (order_id, id);

CREATE INDEX reserves_seller_held ON public.reserves USING btree (seller_id, release_at) WHERE (released_at IS NULL);

CREATE INDEX sellers_email ON public.sellers USING btree (email, id) WHERE (email IS NOT NULL);

CREATE INDEX sellers_metadata ON public.sellers USING gin (metadata jsonb_path_ops);

CREATE INDEX sellers_status ON public.sellers USING btree (status, id);

CREATE INDEX stripe_operations_due ON public.stripe_operations USING btree (due_at) WHERE (state = ANY (ARRAY['pending'::text, 'held'::text, 'sent'::text]));

CREATE INDEX stripe_operations_parts ON public.stripe_operations USING btree (path) WHERE (kind = ANY (ARRAY['reverse_transfer'::text, 'refund_application_fee'::text]));

CREATE INDEX stripe_operations_sent ON public.stripe_operations USING btree (kind, first_sent_at) WHERE (first_sent_at IS NOT NULL);

CREATE INDEX stripe_operations_state ON public.stripe_operations USING btree (state, id);

CREATE INDEX stripe_operations_subject ON public.stripe_operations USING btree (subject_id, id);

CREATE UNIQUE INDEX stripe_operations_unique_key ON public.stripe_operations USING btree (unique_key) WHERE ((unique_key IS NOT NULL) AND (state <> 'failed'::text));

CREATE INDEX stripe_operations_waiting ON public.stripe_operations USING btree (waits_for) WHERE ((state = 'held'::text) AND (waits_for IS NOT NULL));

CREATE INDEX transfer_reversals_charge ON public.transfer_reversals USING btree (charge_id);

CREATE INDEX transfer_reversals_order ON public.transfer_reversals USING btree (order_id);

CREATE INDEX transfer_reversals_refund ON public.transfer_reversals USING btree (refund_id) WHERE (refund_id IS NOT NULL);

CREATE INDEX transfer_reversals_transfer ON public.transfer_reversals USING btree (stripe_transfer);

CREATE INDEX transfers_charge ON public.transfers USING btree (charge_id);

CREATE INDEX transfers_made ON public.transfers USING btree (made_at, stripe_id);

CREATE INDEX transfers_order ON public.transfers USING btree (order_id);

CREATE INDEX transfers_payment ON public.transfers USING btree (destination_payment);

CREATE INDEX transfers_pending ON public.transfers USING btree (seller_id) WHERE (state = 'pending'::text);

CREATE INDEX transfers_seller ON public.transfers USING btree (seller_id, id);

CREATE INDEX write_off_orders_order ON public.write_off_orders USING btree (order_id);

CREATE INDEX write_off_orders_seller ON public.write_off_orders USING btree (seller_id);

CREATE INDEX write_off_recoveries_order ON public.write_off_recoveries USING btree (order_id);

CREATE INDEX write_off_recoveries_seller ON public.write_off_recoveries USING btree (seller_id);

CREATE INDEX write_offs_seller ON public.write_offs USING btree (seller_id, id);

ALTER INDEX public.inbox_events_idempotency_key ATTACH PARTITION public.inbox_events_default_idempotency_key_idx;

ALTER INDEX public.inbox_events_pkey ATTACH PARTITION public.inbox_events_default_pkey;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION public.audit_log_is_append_only();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.commission_invoices FOR EACH ROW EXECUTE FUNCTION public.commission_invoices_are_final();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.journal_entries FOR EACH ROW EXECUTE FUNCTION public.journal_is_append_only();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.postings FOR EACH ROW EXECUTE FUNCTION public.journal_is_append_only();

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION public.audit_log_is_append_only();

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.commission_invoices FOR EACH STATEMENT EXECUTE FUNCTION public.commission_invoices_are_final();

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.journal_entries FOR EACH STATEMENT EXECUTE FUNCTION public.journal_is_append_only();

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.postings FOR EACH STATEMENT EXECUTE FUNCTION public.journal_is_append_only();

ALTER TABLE ONLY public.adjustments
    ADD CONSTRAINT adjustments_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.adjustments
    ADD CONSTRAINT adjustments_transfer_id_fkey FOREIGN KEY (transfer_id) REFERENCES public.transfers(id);

ALTER TABLE ONLY public.charges
    ADD CONSTRAINT charges_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.commission_invoices
    ADD CONSTRAINT commission_invoices_month_fkey FOREIGN KEY (month) REFERENCES public.closed_months(month);

ALTER TABLE ONLY public.commission_invoices
    ADD CONSTRAINT commission_invoices_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.dispute_lines
    ADD CONSTRAINT dispute_lines_dispute_id_fkey FOREIGN KEY (dispute_id) REFERENCES public.disputes(id);

ALTER TABLE ONLY public.dispute_lines
    ADD CONSTRAINT dispute_lines_line_id_fkey FOREIGN KEY (line_id) REFERENCES public.order_lines(id);

ALTER TABLE ONLY public.dispute_lines
    ADD CONSTRAINT dispute_lines_transfer_id_fkey FOREIGN KEY (transfer_id) REFERENCES public.transfers(id);

ALTER TABLE ONLY public.dispute_sellers
    ADD CONSTRAINT dispute_sellers_dispute_id_fkey FOREIGN KEY (dispute_id) REFERENCES public.disputes(id);

ALTER TABLE ONLY public.dispute_sellers
    ADD CONSTRAINT dispute_sellers_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_charge_id_fkey FOREIGN KEY (charge_id) REFERENCES public.charges(id);

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.fee_policies
    ADD CONSTRAINT fee_policies_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.fee_refunds
    ADD CONSTRAINT fee_refunds_charge_id_fkey FOREIGN KEY (charge_id) REFERENCES public.charges(id);

ALTER TABLE ONLY public.fee_refunds
    ADD CONSTRAINT fee_refunds_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.fee_refunds
    ADD CONSTRAINT fee_refunds_refund_id_fkey FOREIGN KEY (refund_id) REFERENCES public.refunds(id);

ALTER TABLE ONLY public.former_accounts
    ADD CONSTRAINT former_accounts_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.fraud_warnings
    ADD CONSTRAINT fraud_warnings_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.fraud_warnings
    ADD CONSTRAINT fraud_warnings_refund_id_fkey FOREIGN KEY (refund_id) REFERENCES public.refunds(id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_api_key_id_fkey FOREIGN KEY (api_key_id) REFERENCES public.api_keys(id);

ALTER TABLE ONLY public.ledger_subjects
    ADD CONSTRAINT ledger_subjects_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.ledger_accounts(id);

ALTER TABLE ONLY public.money_out_limits
    ADD CONSTRAINT money_out_limits_api_key_id_fkey FOREIGN KEY (api_key_id) REFERENCES public.api_keys(id);

ALTER TABLE ONLY public.money_out
    ADD CONSTRAINT money_out_operation_id_fkey FOREIGN KEY (operation_id) REFERENCES public.stripe_operations(id);

ALTER TABLE ONLY public.netting_policies
    ADD CONSTRAINT netting_policies_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.nettings
    ADD CONSTRAINT nettings_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.nettings
    ADD CONSTRAINT nettings_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.nettings
    ADD CONSTRAINT nettings_transfer_id_fkey FOREIGN KEY (transfer_id) REFERENCES public.transfers(id);

ALTER TABLE ONLY public.onboarding_tokens
    ADD CONSTRAINT onboarding_tokens_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.order_lines
    ADD CONSTRAINT order_lines_fee_policy_id_fkey FOREIGN KEY (fee_policy_id) REFERENCES public.fee_policies(id);

ALTER TABLE ONLY public.order_lines
    ADD CONSTRAINT order_lines_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.order_lines
    ADD CONSTRAINT order_lines_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.releases(id);

ALTER TABLE ONLY public.order_lines
    ADD CONSTRAINT order_lines_reserve_transfer_id_fkey FOREIGN KEY (reserve_transfer_id) REFERENCES public.transfers(id);

ALTER TABLE ONLY public.order_lines
    ADD CONSTRAINT order_lines_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.order_lines
    ADD CONSTRAINT order_lines_transfer_id_fkey FOREIGN KEY (transfer_id) REFERENCES public.transfers(id);

ALTER TABLE ONLY public.order_sellers
    ADD CONSTRAINT order_sellers_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.order_sellers
    ADD CONSTRAINT order_sellers_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.outbox_attempts
    ADD CONSTRAINT outbox_attempts_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES public.outbox_deliveries(id);

ALTER TABLE ONLY public.outbox_deliveries
    ADD CONSTRAINT outbox_deliveries_destination_id_fkey FOREIGN KEY (destination_id) REFERENCES public.event_destinations(id);

ALTER TABLE ONLY public.outbox_deliveries
    ADD CONSTRAINT outbox_deliveries_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.outbox_events(id);

ALTER TABLE ONLY public.payout_items
    ADD CONSTRAINT payout_items_payout_id_fkey FOREIGN KEY (payout_id) REFERENCES public.payouts(id);

ALTER TABLE ONLY public.payout_items
    ADD CONSTRAINT payout_items_stripe_account_transaction_id_fkey FOREIGN KEY (stripe_account, transaction_id) REFERENCES public.balance_transactions(stripe_account, id);

ALTER TABLE ONLY public.postings
    ADD CONSTRAINT postings_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.ledger_accounts(id);

ALTER TABLE ONLY public.postings
    ADD CONSTRAINT postings_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.journal_entries(id);

ALTER TABLE ONLY public.reconciliation_findings
    ADD CONSTRAINT reconciliation_findings_reconciliation_id_fkey FOREIGN KEY (reconciliation_id) REFERENCES public.reconciliations(id);

ALTER TABLE ONLY public.recoveries
    ADD CONSTRAINT recoveries_charge_id_fkey FOREIGN KEY (charge_id) REFERENCES public.charges(id);

ALTER TABLE ONLY public.recoveries
    ADD CONSTRAINT recoveries_dispute_id_fkey FOREIGN KEY (dispute_id) REFERENCES public.disputes(id);

ALTER TABLE ONLY public.recoveries
    ADD CONSTRAINT recoveries_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.recoveries
    ADD CONSTRAINT recoveries_refund_id_fkey FOREIGN KEY (refund_id) REFERENCES public.refunds(id);

ALTER TABLE ONLY public.recoveries
    ADD CONSTRAINT recoveries_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.recoveries
    ADD CONSTRAINT recoveries_transfer_id_fkey FOREIGN KEY (transfer_id) REFERENCES public.transfers(id);

ALTER TABLE ONLY public.refund_lines
    ADD CONSTRAINT refund_lines_line_id_fkey FOREIGN KEY (line_id) REFERENCES public.order_lines(id);

ALTER TABLE ONLY public.refund_lines
    ADD CONSTRAINT refund_lines_refund_id_fkey FOREIGN KEY (refund_id) REFERENCES public.refunds(id);

ALTER TABLE ONLY public.refund_lines
    ADD CONSTRAINT refund_lines_transfer_id_fkey FOREIGN KEY (transfer_id) REFERENCES public.transfers(id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_charge_id_fkey FOREIGN KEY (charge_id) REFERENCES public.charges(id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.reserve_policies
    ADD CONSTRAINT reserve_policies_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.reserves
    ADD CONSTRAINT reserves_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.reserves
    ADD CONSTRAINT reserves_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.reserves
    ADD CONSTRAINT reserves_transfer_id_fkey FOREIGN KEY (transfer_id) REFERENCES public.transfers(id);

ALTER TABLE ONLY public.transfer_reversals
    ADD CONSTRAINT transfer_reversals_charge_id_fkey FOREIGN KEY (charge_id) REFERENCES public.charges(id);

ALTER TABLE ONLY public.transfer_reversals
    ADD CONSTRAINT transfer_reversals_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.transfer_reversals
    ADD CONSTRAINT transfer_reversals_refund_id_fkey FOREIGN KEY (refund_id) REFERENCES public.refunds(id);

ALTER TABLE ONLY public.write_off_orders
    ADD CONSTRAINT write_off_orders_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.write_off_orders
    ADD CONSTRAINT write_off_orders_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.write_off_orders
    ADD CONSTRAINT write_off_orders_write_off_id_fkey FOREIGN KEY (write_off_id) REFERENCES public.write_offs(id);

ALTER TABLE ONLY public.write_off_recoveries
    ADD CONSTRAINT write_off_recoveries_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.write_off_recoveries
    ADD CONSTRAINT write_off_recoveries_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);

ALTER TABLE ONLY public.write_offs
    ADD CONSTRAINT write_offs_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.sellers(id);
