-- deleted_at: the account is gone; its row stays as an anonymous author.
-- erased_at: nothing of theirs is left in any conversation.
ALTER TABLE users ADD COLUMN deleted_at BIGINT;
ALTER TABLE users ADD COLUMN erased_at BIGINT;

CREATE INDEX users_to_erase ON users (deleted_at) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;
