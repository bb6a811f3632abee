DROP TABLE mentions;
ALTER TABLE events DROP COLUMN target_author;
ALTER TABLE events DROP COLUMN mentions;
