-- Second factors by codes of the time. The secret is not here: it is derived from this nonce and a key of the server.
CREATE TABLE second_factors (
    user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    nonce BYTEA NOT NULL,
    -- When the person proved that they have it; before, it counts for nothing.
    confirmed_at BIGINT,
    -- The newest time step of which a code was used: none of it or before it is taken again.
    last_step BIGINT NOT NULL
);

-- Codes in the place of a lost second factor; only their hashes are kept, and each goes when it is used.
CREATE TABLE recovery_codes (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash BYTEA NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);
