-- What was sold, how its money divides, and what Stripe said of its payment.

-- Never changed: a newer policy of the same scope and currency takes over.
CREATE TABLE fee_policies (
    id text PRIMARY KEY,
    scope text NOT NULL CHECK (scope IN ('default', 'seller', 'category')),
    seller_id text REFERENCES sellers (id),
    category text,
    currency text NOT NULL,
    percent_bps bigint NOT NULL CHECK (percent_bps BETWEEN 0 AND 10000),
    fixed_minor bigint NOT NULL CHECK (fixed_minor >= 0),
    minimum_minor bigint NOT NULL CHECK (minimum_minor >= 0),
    maximum_minor bigint CHECK (maximum_minor >= minimum_minor),
    created_at timestamptz NOT NULL,
    CHECK ((scope = 'seller') = (seller_id IS NOT NULL)),
    CHECK ((scope = 'category') = (category IS NOT NULL))
);
CREATE INDEX fee_policies_scope ON fee_policies (currency, scope, seller_id, category, created_at DESC, id DESC);

CREATE TABLE orders (
    id text PRIMARY KEY,
    -- The marketplace's own id.
    external_id text CONSTRAINT orders_external_id_key UNIQUE,
    -- What the placing call said, so that its repetition can be told from another call with the same external_id.
    placement jsonb NOT NULL,
    status text NOT NULL CHECK (
        status IN
            ('awaiting_payment', 'requires_action', 'processing', 'authorized', 'paid', 'partially_refunded', 'refunded',
             'payment_failed', 'failed_after_payment', 'expired', 'canceled')),
    charge_shape text NOT NULL CHECK (charge_shape IN ('destination', 'separate', 'direct')),
    seller_id text NOT NULL REFERENCES sellers (id),
    -- The seller's account when the order was placed: where the money goes.
    stripe_account text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    application_fee_minor bigint NOT NULL CHECK (application_fee_minor BETWEEN 0 AND amount_minor),
    amount_captured_minor bigint NOT NULL DEFAULT 0,
    amount_refunded_minor bigint NOT NULL DEFAULT 0,
    buyer_external_id text,
    buyer_email text,
    payment text NOT NULL CHECK (payment IN ('checkout', 'payment_intent')),
    capture text NOT NULL CHECK (capture IN ('automatic', 'manual')),
    success_url text,
    cancel_url text,
    metadata jsonb NOT NULL DEFAULT '{}',
    -- The one object at Stripe through which a buyer can pay, if any, and the operation that made it.
    payable text NOT NULL CHECK (payable IN ('none', 'creating', 'open', 'closed')),
    payment_try integer NOT NULL DEFAULT 1 CHECK (payment_try > 0),
    payable_operation text,
    checkout_session text,
    checkout_url text,
    payment_intent text,
    client_secret text,
    payable_expires_at timestamptz,
    -- The charge that paid it.
    charge_id text,
    -- Why the last try failed, in Stripe's words: {"code", "decline_code", "message"}.
    last_payment_error jsonb,
    dispute_status text,
    cancel_requested_at timestamptz,
    canceled_at timestamptz,
    paid_at timestamptz,
    livemode boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK (payable <> 'open' OR checkout_session IS NOT NULL OR payment_intent IS NOT NULL),
    CHECK (
        status NOT IN ('paid', 'partially_refunded', 'refunded', 'failed_after_payment')
        OR (charge_id IS NOT NULL AND paid_at IS NOT NULL)),
    CHECK (amount_refunded_minor BETWEEN 0 AND amount_captured_minor)
);
CREATE INDEX orders_status ON orders (status, id);
CREATE INDEX orders_seller ON orders (seller_id, id);
CREATE INDEX orders_created ON orders (created_at, id);
CREATE UNIQUE INDEX orders_payment_intent ON orders (payment_intent) WHERE payment_intent IS NOT NULL;
CREATE UNIQUE INDEX orders_checkout_session ON orders (checkout_session) WHERE checkout_session IS NOT NULL;

CREATE TABLE order_lines (
    id text PRIMARY KEY,
    order_id text NOT NULL REFERENCES orders (id),
    position integer NOT NULL,
    type text NOT NULL CHECK (type IN ('item', 'shipping', 'tax', 'tip', 'discount', 'share')),
    seller_id text REFERENCES sellers (id),
    description text NOT NULL,
    unit_amount_minor bigint NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    amount_minor bigint NOT NULL,
    category text,
    funded_by text CHECK (funded_by IN ('platform', 'seller')),
    fee_applies boolean NOT NULL,
    -- The policy that was in force, and its numbers.
    fee_policy_id text REFERENCES fee_policies (id),
    fee_percent_bps bigint,
    fee_fixed_minor bigint,
    fee_minimum_minor bigint,
    fee_maximum_minor bigint,
    seller_minor bigint NOT NULL,
    platform_fee_minor bigint NOT NULL CHECK (platform_fee_minor >= 0),
    tax_minor bigint NOT NULL CHECK (tax_minor >= 0),
    platform_sales_minor bigint NOT NULL CHECK (platform_sales_minor >= 0),
    platform_discount_minor bigint NOT NULL CHECK (platform_discount_minor >= 0),
    UNIQUE (order_id, position),
    CHECK (amount_minor = unit_amount_minor * quantity),
    CHECK (type = 'discount' OR amount_minor >= 0),
    CHECK (type <> 'discount' OR amount_minor <= 0),
    CHECK (
        amount_minor
        = seller_minor + platform_fee_minor + tax_minor + platform_sales_minor - platform_discount_minor)
);

-- Charges of our orders that brought money, and what belongs to each at Stripe.
CREATE TABLE charges (
    id text PRIMARY KEY,
    order_id text NOT NULL REFERENCES orders (id),
    -- 'sale' pays the order; 'surplus' came for a canceled or paid order and goes back whole.
    purpose text NOT NULL CHECK (purpose IN ('sale', 'surplus')),
    payment_intent text NOT NULL,
    status text NOT NULL,
    seller_id text NOT NULL,
    stripe_account text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    application_fee_minor bigint NOT NULL,
    -- Null until Stripe has filled them in, some seconds after the payment.
    balance_transaction_id text,
    transfer_id text,
    destination_payment text,
    application_fee_id text,
    failure_code text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX charges_sale ON charges (order_id) WHERE purpose = 'sale';
CREATE INDEX charges_order ON charges (order_id);
CREATE INDEX charges_transfer ON charges (transfer_id);
CREATE INDEX charges_application_fee ON charges (application_fee_id);
CREATE INDEX charges_payment_intent ON charges (payment_intent);

CREATE TABLE refunds (
    id text PRIMARY KEY,
    stripe_id text NOT NULL UNIQUE,
    order_id text NOT NULL REFERENCES orders (id),
    charge_id text NOT NULL REFERENCES charges (id),
    status text NOT NULL,
    -- 'stripe' was made in Stripe's Dashboard and is allocated by the default policy.
    origin text NOT NULL CHECK (origin IN ('souk', 'stripe')),
    operation_id text,
    reason text,
    failure_reason text,
    -- The reversal that Stripe made with it, where reverse_transfer was asked for.
    transfer_reversal_id text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    seller_minor bigint NOT NULL,
    platform_fee_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    platform_sales_minor bigint NOT NULL,
    platform_discount_minor bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK (
        amount_minor
        = seller_minor + platform_fee_minor + tax_minor + platform_sales_minor - platform_discount_minor)
);
CREATE INDEX refunds_order ON refunds (order_id, id);
CREATE INDEX refunds_charge ON refunds (charge_id);

-- What a refund of a sale takes from each line.
CREATE TABLE refund_lines (
    refund_id text NOT NULL REFERENCES refunds (id),
    line_id text NOT NULL REFERENCES order_lines (id),
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    seller_minor bigint NOT NULL,
    platform_fee_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    platform_sales_minor bigint NOT NULL,
    platform_discount_minor bigint NOT NULL,
    PRIMARY KEY (refund_id, line_id)
);
CREATE INDEX refund_lines_line ON refund_lines (line_id);
