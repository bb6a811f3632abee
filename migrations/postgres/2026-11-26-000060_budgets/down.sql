DROP INDEX events_that_are_messages;
DROP INDEX rooms_by_activity;
ALTER TABLE conversations DROP COLUMN active_span;
DROP INDEX sessions_by_expiry;
ALTER TABLE sessions DROP COLUMN network;
