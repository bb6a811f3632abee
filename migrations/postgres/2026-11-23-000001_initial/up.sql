-- Facts about this database: its epoch and the keys of this server.
CREATE TABLE server_state (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- handle_key is the handle in lower case. last_useq is the head of the person's own event stream.
CREATE TABLE users (
    id BIGINT PRIMARY KEY,
    handle TEXT NOT NULL,
    handle_key TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    bio TEXT NOT NULL,
    avatar_id BIGINT,
    password_hash TEXT NOT NULL,
    is_admin BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    handle_changed_at BIGINT NOT NULL,
    suspended_at BIGINT,
    last_useq BIGINT NOT NULL,
    notifications_read BIGINT NOT NULL
) WITH (fillfactor = 60);

-- Re-encoded square pictures; in the database so that every node serves them.
CREATE TABLE avatars (
    id BIGINT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    media_type TEXT NOT NULL,
    small BYTEA NOT NULL,
    large BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- Hashes of the current refresh token and of its predecessor.
CREATE TABLE sessions (
    id BIGINT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    previous_hash BYTEA,
    rotated_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- kind: 0 room, 1 direct chat of low_user and high_user. last_seq is advanced under the row's lock.
-- No index may contain last_seq or last_activity_at: every message changes them.
CREATE TABLE conversations (
    id BIGINT PRIMARY KEY,
    kind SMALLINT NOT NULL,
    name TEXT,
    name_key TEXT UNIQUE,
    topic TEXT NOT NULL,
    low_user BIGINT REFERENCES users (id),
    high_user BIGINT REFERENCES users (id),
    last_seq BIGINT NOT NULL,
    member_count BIGINT NOT NULL,
    last_activity_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT,
    UNIQUE (low_user, high_user)
) WITH (fillfactor = 60);

-- role: 0 member, 1 moderator, 2 owner.
CREATE TABLE members (
    conversation_id BIGINT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role SMALLINT NOT NULL,
    joined_at BIGINT NOT NULL,
    read_seq BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, user_id)
);

-- The log: every durable change of a conversation, gapless by seq. A message is the event that created it;
-- current_body, edited_at and deleted_at are its present state. For other kinds, body holds details as JSON.
CREATE TABLE events (
    conversation_id BIGINT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    author_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    cid TEXT,
    target BIGINT,
    body TEXT,
    current_body TEXT,
    edited_at BIGINT,
    deleted_at BIGINT,
    PRIMARY KEY (conversation_id, seq),
    UNIQUE (conversation_id, author_id, cid)
);

-- Reactions that are in force; event_seq orders them.
CREATE TABLE reactions (
    conversation_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    emoji TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    event_seq BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, seq, emoji, user_id)
);

-- One row for both sides; a request until accepted_at is set.
CREATE TABLE friendships (
    low_user BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    high_user BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    requested_by BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    accepted_at BIGINT,
    PRIMARY KEY (low_user, high_user),
    CHECK (low_user < high_user)
);

-- User streams: what concerns one person alone. data is the change as JSON. notify: it is in the list of notifications.
CREATE TABLE user_events (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    useq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    data TEXT NOT NULL,
    notify BOOLEAN NOT NULL,
    PRIMARY KEY (user_id, useq)
);

CREATE INDEX avatars_by_user ON avatars (user_id);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_revocation ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX members_by_user ON members (user_id);
CREATE INDEX events_by_target ON events (conversation_id, target) WHERE target IS NOT NULL;
CREATE INDEX friendships_by_high_user ON friendships (high_user);
CREATE INDEX user_events_to_notify ON user_events (user_id, useq) WHERE notify;
