-- A keyed hash of the network that a session was opened from: a place from which somebody has logged in before is not
-- slowed down by what strangers try.
ALTER TABLE sessions ADD COLUMN network BYTEA;
-- Sessions that run out are looked for every few seconds.
CREATE INDEX sessions_by_expiry ON sessions (expires_at) WHERE revoked_at IS NULL;
-- Activity in spans of five minutes: it changes rarely, so that an index may hold it.
ALTER TABLE conversations ADD COLUMN active_span BIGINT NOT NULL DEFAULT 0;
UPDATE conversations SET active_span = last_activity_at / 300000000;
CREATE INDEX rooms_by_activity ON conversations (active_span DESC, id DESC) WHERE kind = 0 AND deleted_at IS NULL;
-- Messages are found among any number of reactions.
CREATE INDEX events_that_are_messages ON events (conversation_id, seq) WHERE kind = 0;
