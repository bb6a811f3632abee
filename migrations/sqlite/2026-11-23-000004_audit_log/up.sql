-- What happened to accounts and rights. Rows are added, and removed when they are old; never changed.
-- actor_id and subject_id may refer to people who no longer exist.
CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    actor_id BIGINT,
    subject_id BIGINT,
    address TEXT,
    operation TEXT
);

CREATE INDEX audit_log_by_time ON audit_log (at);
