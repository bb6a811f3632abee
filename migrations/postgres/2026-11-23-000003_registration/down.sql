DROP INDEX users_pending;
-- The previous code would let them in.
DELETE FROM users WHERE pending_since IS NOT NULL;
ALTER TABLE users DROP COLUMN pending_since;
DROP TABLE invites;
