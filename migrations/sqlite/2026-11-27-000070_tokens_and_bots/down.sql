DROP INDEX users_by_owner;
ALTER TABLE users DROP COLUMN owner_id;
-- The previous code would treat a token as a log-in.
DELETE FROM sessions WHERE scope IS NOT NULL;
ALTER TABLE sessions DROP COLUMN conversations;
ALTER TABLE sessions DROP COLUMN scope;
