-- A personal access token is a session that is never refreshed: whatever ends sessions ends it, too. scope: what it may do,
-- 1 read, 2 read and write; NULL for log-ins. conversations: the ids that it is limited to, as JSON. device is its name,
-- and last_used_at is 0 until its first use.
ALTER TABLE sessions ADD COLUMN scope SMALLINT;
ALTER TABLE sessions ADD COLUMN conversations TEXT;

-- owner_id: the person who made this account, which is a bot: nobody logs in to it.
ALTER TABLE users ADD COLUMN owner_id BIGINT;
CREATE INDEX users_by_owner ON users (owner_id) WHERE owner_id IS NOT NULL;
