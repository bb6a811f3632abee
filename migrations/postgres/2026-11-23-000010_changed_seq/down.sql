ALTER TABLE conversations DROP COLUMN changed_seq;
