-- Who let go of which shares, and when.

CREATE TABLE releases (
    id text PRIMARY KEY,
    order_id text NOT NULL REFERENCES orders (id),
    -- The marketplace's own id.
    external_id text CONSTRAINT releases_external_id_key UNIQUE,
    -- What the call said, so that its repetition can be told from another call with the same external_id.
    request jsonb NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX releases_order ON releases (order_id, id);

-- The release by which the line was let go; null where its order's rule did it.
ALTER TABLE order_lines ADD COLUMN release_id text REFERENCES releases (id);
CREATE INDEX order_lines_release ON order_lines (release_id) WHERE release_id IS NOT NULL;
