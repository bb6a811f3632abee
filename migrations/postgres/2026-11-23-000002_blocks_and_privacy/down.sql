ALTER TABLE users DROP COLUMN asked_count;
ALTER TABLE users DROP COLUMN asked_since;
ALTER TABLE users DROP COLUMN presence_to;
ALTER TABLE users DROP COLUMN requests_from;
ALTER TABLE users DROP COLUMN findable_by;
-- The previous code would treat a hidden request as an open one.
DELETE FROM friendships WHERE hidden;
ALTER TABLE friendships DROP COLUMN hidden;
DROP TABLE declined_requests;
DROP TABLE blocks;
