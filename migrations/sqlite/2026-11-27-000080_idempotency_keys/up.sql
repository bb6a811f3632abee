-- Results of requests with an Idempotency-Key, so that a repeated request creates nothing more. name: a keyed hash
-- of the key, the caller and the operation. request: a keyed hash of the key and the request. result: what was created,
-- as JSON, without secrets. user_id: the caller; NULL for registrations.
CREATE TABLE idempotency_keys (
    name BLOB NOT NULL PRIMARY KEY,
    request BLOB NOT NULL,
    user_id BIGINT,
    result TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_by_user ON idempotency_keys (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
