-- Blocks. The blocked person is never told.
CREATE TABLE blocks (
    blocker_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    blocked_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (blocker_id, blocked_id),
    CHECK (blocker_id <> blocked_id)
);

-- Declined requests: for a while, further ones from the same person do not arrive.
CREATE TABLE declined_requests (
    asked_by BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    declined_by BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    declined_at BIGINT NOT NULL,
    PRIMARY KEY (asked_by, declined_by)
);

-- hidden: a request that only its sender can see.
ALTER TABLE friendships ADD COLUMN hidden BOOLEAN NOT NULL DEFAULT FALSE;

-- findable_by: 0 everybody, 1 nobody. requests_from: 0 everybody, 1 people in a common room, 2 nobody.
-- presence_to: 0 friends, 1 nobody. asked_count: requests made since asked_since, for the daily limit.
ALTER TABLE users ADD COLUMN findable_by SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN requests_from SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN presence_to SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN asked_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN asked_count BIGINT NOT NULL DEFAULT 0;

CREATE INDEX blocks_by_blocked ON blocks (blocked_id);
CREATE INDEX declined_requests_by_decliner ON declined_requests (declined_by);
