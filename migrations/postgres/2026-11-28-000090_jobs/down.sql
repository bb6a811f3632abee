DELETE FROM outgoing_mail WHERE failed_at IS NOT NULL;
UPDATE outgoing_mail SET
    next_try_at = coalesce((SELECT run_at FROM jobs WHERE key = 'mail:' || outgoing_mail.id), created_at),
    tries = coalesce((SELECT tries FROM jobs WHERE key = 'mail:' || outgoing_mail.id), 0)
WHERE sent_at IS NULL;
ALTER TABLE outgoing_mail DROP COLUMN failed_at;
DROP TABLE jobs;
