-- The parties that sell, and what Stripe said last about their connected accounts.

CREATE TABLE sellers (
    id text PRIMARY KEY,
    -- The marketplace's own id.
    external_id text NOT NULL CONSTRAINT sellers_external_id_key UNIQUE,
    -- Where the marketplace reaches the seller; what the seller told Stripe is in `account`.
    email text,
    country text NOT NULL,
    business_type text,
    metadata jsonb NOT NULL DEFAULT '{}',
    -- What the creating call said, so that its repetition can be told from another call with the same external_id.
    creation jsonb NOT NULL,
    origin text NOT NULL CHECK (origin IN ('souk', 'joined')),
    livemode boolean NOT NULL,
    -- Null until Stripe has made the account.
    stripe_account text CONSTRAINT sellers_stripe_account_key UNIQUE,
    -- Flags, capabilities and requirements as Stripe said them last.
    account jsonb,
    -- The verified time of the last event that took the account from the platform or gave it back.
    connection_changed_at timestamptz,
    deauthorized_at timestamptz,
    held_at timestamptz,
    hold_reason text,
    -- Follows from `account` and `deauthorized_at`; kept so that lists can filter by it.
    status text NOT NULL CHECK (
        status IN
            ('onboarding', 'under_review', 'action_required', 'active', 'restricted', 'disabled', 'rejected',
             'disconnected')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK (account IS NULL OR stripe_account IS NOT NULL),
    CHECK ((held_at IS NULL) = (hold_reason IS NULL)),
    CHECK ((status = 'disconnected') = (deauthorized_at IS NOT NULL))
);
CREATE INDEX sellers_status ON sellers (status, id);
CREATE INDEX sellers_email ON sellers (email, id) WHERE email IS NOT NULL;
CREATE INDEX sellers_metadata ON sellers USING gin (metadata jsonb_path_ops);

-- Addresses under /onboarding/{token}: where Stripe sends a seller back to. Only the token's hash is kept.
CREATE TABLE onboarding_tokens (
    token_hash text PRIMARY KEY,
    seller_id text NOT NULL REFERENCES sellers,
    -- The marketplace's page to go on to; null for Souk's own page.
    return_url text,
    created_at timestamptz NOT NULL,
    -- After this no new link is made; coming back from Stripe stays possible.
    expires_at timestamptz NOT NULL
);
CREATE INDEX onboarding_tokens_seller ON onboarding_tokens (seller_id, created_at);
