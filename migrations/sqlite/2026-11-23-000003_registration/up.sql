-- Codes that let people register; only their hashes are kept.
CREATE TABLE invites (
    id BIGINT PRIMARY KEY,
    code_hash BLOB NOT NULL UNIQUE,
    created_by BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    used BIGINT NOT NULL,
    revoked_at BIGINT
);

-- Since when an account waits for an administrator to let it in.
ALTER TABLE users ADD COLUMN pending_since BIGINT;

CREATE INDEX invites_by_creator ON invites (created_by);
CREATE INDEX users_pending ON users (pending_since) WHERE pending_since IS NOT NULL;
