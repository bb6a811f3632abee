-- A keyed hash of the network that a session was opened from: a network from which somebody has logged in before is
-- not slowed down by strangers' attempts.
ALTER TABLE sessions ADD COLUMN network BLOB;
-- Expired sessions are searched for every few seconds.
CREATE INDEX sessions_by_expiry ON sessions (expires_at) WHERE revoked_at IS NULL;
-- Activity rounded to five minutes: it changes rarely, so an index may contain it.
ALTER TABLE conversations ADD COLUMN active_span BIGINT NOT NULL DEFAULT 0;
UPDATE conversations SET active_span = last_activity_at / 300000000;
CREATE INDEX rooms_by_activity ON conversations (active_span DESC, id DESC) WHERE kind = 0 AND deleted_at IS NULL;
-- Finds messages among any number of reactions.
CREATE INDEX events_that_are_messages ON events (conversation_id, seq) WHERE kind = 0;
