-- Position of the newest event that changed an earlier message (an edit, a deletion, a reaction). A page of older
-- messages that was read at or after it is still valid.
ALTER TABLE conversations ADD COLUMN changed_seq BIGINT NOT NULL DEFAULT 0;
UPDATE conversations SET changed_seq = last_seq;
