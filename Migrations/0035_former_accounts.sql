-- A seller may have several Stripe accounts over time, one of them current (sellers.stripe_account).

CREATE TABLE former_accounts (
    stripe_account text PRIMARY KEY,
    seller_id text NOT NULL REFERENCES sellers (id),
    -- Whether it had left the platform when the seller went on with another.
    deauthorized boolean NOT NULL,
    replaced_at timestamptz NOT NULL
);
CREATE INDEX former_accounts_seller ON former_accounts (seller_id);

-- Whose each account is that ever belonged to a seller.
CREATE VIEW seller_accounts AS
    SELECT stripe_account, id AS seller_id, deauthorized_at IS NOT NULL AS deauthorized
    FROM sellers WHERE stripe_account IS NOT NULL
    UNION ALL
    SELECT stripe_account, seller_id, deauthorized FROM former_accounts;
