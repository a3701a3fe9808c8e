-- Who may call, what they repeated, and what they did.

-- Keys are 256 random bits, so a plain digest of them cannot be searched; the text itself is shown once and not kept.
CREATE TABLE api_keys (
    id text PRIMARY KEY,
    name text NOT NULL,
    key_hash bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
    -- The last characters, by which a person tells keys apart.
    hint text NOT NULL,
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
    livemode boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    -- To within a minute: written at most once in that time.
    last_used_at timestamptz
);

-- One row for each Idempotency-Key of each API key and route, for 30 days.
CREATE TABLE idempotency_keys (
    api_key_id text NOT NULL REFERENCES api_keys (id),
    route text NOT NULL,
    key text NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 1020),
    -- Digest of the path and the body.
    fingerprint bytea NOT NULL,
    -- Counts the tries: only the newest may bind a subject and store an answer.
    fence bigint NOT NULL,
    -- Until then the newest try is believed to be running.
    lease_until timestamptz NOT NULL,
    -- The object that a try has made.
    subject text,
    status smallint,
    -- Sealed under a key that only the presented API key yields: answers hold addresses and secrets that are shown once.
    sealed_body bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (api_key_id, route, key),
    CHECK ((status IS NULL) = (sealed_body IS NULL))
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

CREATE TABLE audit_log (
    id text PRIMARY KEY,
    -- Business time.
    created_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- `key_…`, `shell` or `souk`.
    caller text NOT NULL,
    request_id text,
    -- `seller.create`, `order.refund`, …
    action text NOT NULL,
    -- The object that it was done to.
    subject text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_subject ON audit_log (subject, id);
CREATE INDEX audit_log_caller ON audit_log (caller, id);
CREATE INDEX audit_log_action ON audit_log (action, id);

CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_is_append_only();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
