-- What was made for a request with an Idempotency-Key, so that the same request again makes nothing more. name: a keyed hash
-- of the key, of who asked and of the operation. request: one of the key with the request. result: what was made, as JSON,
-- without secrets. user_id: who asked; NULL for those who registered.
CREATE TABLE idempotency_keys (
    name BLOB NOT NULL PRIMARY KEY,
    request BLOB NOT NULL,
    user_id BIGINT,
    result TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_by_user ON idempotency_keys (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
