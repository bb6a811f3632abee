-- Second factors with time-based codes. The secret is not stored: it is derived from this nonce and a key of the server.
CREATE TABLE second_factors (
    user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    nonce BLOB NOT NULL,
    -- When the person proved that they have it; until then it is not in force.
    confirmed_at BIGINT,
    -- The newest time step of a used code: codes of this step or an earlier one are not accepted again.
    last_step BIGINT NOT NULL
);

-- Recovery codes for a lost second factor: only their hashes are stored, and each is deleted when used.
CREATE TABLE recovery_codes (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash BLOB NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);
