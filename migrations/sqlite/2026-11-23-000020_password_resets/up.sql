-- Links for setting a new password: only the hashes of their tokens are stored, one per person.
CREATE TABLE password_resets (
    user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL UNIQUE,
    expires_at BIGINT NOT NULL
);
