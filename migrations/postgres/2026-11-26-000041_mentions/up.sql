-- Mentions, by account: handles change hands, accounts do not. mentions: the handles in the text and whose
-- they were when it was stored, as JSON; target_author: the author of the message that target refers to.
ALTER TABLE events ADD COLUMN mentions TEXT;
ALTER TABLE events ADD COLUMN target_author BIGINT;

-- People whom a message mentions or answers; counters count these rows. useq: the notification about it,
-- if any. A row is deleted with the message, or with its notification.
CREATE TABLE mentions (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    conversation_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    author_id BIGINT NOT NULL,
    useq BIGINT,
    at BIGINT NOT NULL,
    PRIMARY KEY (user_id, conversation_id, seq)
);
CREATE INDEX mentions_by_message ON mentions (conversation_id, seq);
CREATE INDEX mentions_by_time ON mentions (at);

INSERT INTO mentions (user_id, conversation_id, seq, author_id, useq, at)
SELECT told.user_id, told.conversation_id, told.seq, events.author_id, told.useq, told.at
FROM (SELECT user_id, useq, at, (data::json -> 'data' ->> 'conversation')::bigint AS conversation_id,
          (data::json -> 'data' ->> 'seq')::bigint AS seq
      FROM user_events WHERE notify AND data LIKE '{"kind":"mentioned"%') AS told
JOIN events ON events.conversation_id = told.conversation_id AND events.seq = told.seq AND events.deleted_at IS NULL
ON CONFLICT DO NOTHING;

-- Messages that are deleted already no longer notify anyone.
UPDATE user_events SET notify = FALSE
WHERE notify AND data LIKE '{"kind":"mentioned"%' AND NOT EXISTS (
    SELECT 1 FROM mentions WHERE mentions.user_id = user_events.user_id AND mentions.useq = user_events.useq);

-- Earlier mentions are known only where a notification exists.
UPDATE events SET mentions = (
    SELECT json_agg(json_build_object('user', m.user_id::text, 'handle', u.handle_key))::text
    FROM mentions m JOIN users u ON u.id = m.user_id
    WHERE m.conversation_id = events.conversation_id AND m.seq = events.seq)
WHERE (conversation_id, seq) IN (SELECT conversation_id, seq FROM mentions);
