-- Work that is done after the transaction that causes it, by any node. key: at most one job has it; NULL if there may be
-- several. data: JSON that holds only ids, never text that people wrote, an address or a secret. tries: attempts begun.
-- leased_until: until then, one node has the job to itself. failed_at: when it was given up; it then waits for an
-- administrator. last_error: why the last attempt failed.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT UNIQUE,
    data TEXT NOT NULL,
    run_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    leased_until BIGINT,
    failed_at BIGINT,
    last_error TEXT
);
CREATE INDEX jobs_waiting ON jobs (kind, run_at) WHERE failed_at IS NULL;
CREATE INDEX jobs_failed ON jobs (failed_at, id) WHERE failed_at IS NOT NULL;

-- A mail that was given up may still be sent if an administrator retries its job. It does not count.
ALTER TABLE outgoing_mail ADD COLUMN failed_at BIGINT;

-- What waits now gets its jobs. next_try_at and tries are no longer used: the largest number keeps nodes of the version
-- before from sending a mail as well. The columns go once no such node can be running.
INSERT INTO jobs (kind, key, data, run_at, tries)
SELECT 'mail', 'mail:' || id, '{"mail":' || id || '}', next_try_at, tries FROM outgoing_mail WHERE sent_at IS NULL;
UPDATE outgoing_mail SET next_try_at = 9223372036854775807 WHERE sent_at IS NULL;
INSERT INTO jobs (kind, key, data, run_at, tries)
SELECT 'reset_request', 'reset_request:' || id, '{"request":' || id || '}', requested_at, 0 FROM reset_requests;
INSERT INTO jobs (kind, key, data, run_at, tries)
SELECT 'erasure', 'erasure:' || id, '{"user":"' || id || '"}', deleted_at + 600000000, 0 FROM users
WHERE deleted_at IS NOT NULL AND erased_at IS NULL;
