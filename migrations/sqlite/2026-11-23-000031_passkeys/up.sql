-- Passkeys: public keys whose private halves are in people's authenticators.
CREATE TABLE passkeys (
    id BIGINT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The authenticator's id for it; unique on the whole server.
    credential_id BLOB NOT NULL UNIQUE,
    -- Public key, counter and whatever else the library stores, as JSON.
    passkey TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- State of a ceremony between its two halves. The second half deletes the row, whatever the result.
CREATE TABLE passkey_ceremonies (
    id BLOB PRIMARY KEY,
    -- For whom; NULL for a log-in, where the person is not known yet.
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    -- 1: a new passkey, 2: a log-in with a passkey alone, 3: the second step of a log-in.
    kind SMALLINT NOT NULL,
    state TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX passkey_ceremonies_by_user ON passkey_ceremonies (user_id, expires_at);
CREATE INDEX passkey_ceremonies_by_end ON passkey_ceremonies (expires_at);
