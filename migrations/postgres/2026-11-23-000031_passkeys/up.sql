-- Passkeys: public keys whose private halves are in people's authenticators.
CREATE TABLE passkeys (
    id BIGINT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What the authenticator calls it; one person's on the whole server.
    credential_id BYTEA NOT NULL UNIQUE,
    -- Public key, counter and what else the library wants to know of it, as JSON.
    passkey TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- What a ceremony must remember between its halves. A row goes when its second half comes, whatever becomes of it.
CREATE TABLE passkey_ceremonies (
    id BYTEA PRIMARY KEY,
    -- For whom; NULL when a log-in begins, and nobody has said who they are.
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    -- 1: a new passkey, 2: a log-in with a passkey alone, 3: the second step of a log-in.
    kind SMALLINT NOT NULL,
    state TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX passkey_ceremonies_by_user ON passkey_ceremonies (user_id, expires_at);
CREATE INDEX passkey_ceremonies_by_end ON passkey_ceremonies (expires_at);
