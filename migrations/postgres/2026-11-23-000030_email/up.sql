-- The e-mail addresses of accounts: one that was confirmed, and one that waits for it. Several accounts may have the same.
CREATE TABLE emails (
    user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    address TEXT,
    -- The address in lower case.
    address_key TEXT,
    verified_at BIGINT,
    pending TEXT,
    -- Hash of the token in the mail to the pending address, kept for a day. The token itself is not stored.
    pending_hash BYTEA UNIQUE,
    pending_until BIGINT
);

CREATE INDEX emails_by_address ON emails (address_key);

-- Mails that wait to be sent; and, without their address, those sent in the last hour, for counting.
CREATE TABLE outgoing_mail (
    id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind SMALLINT NOT NULL,
    address TEXT NOT NULL,
    -- A keyed hash of the address, to count mails to it.
    address_hash BYTEA,
    -- What the token in the mail is derived from, together with the server's key.
    nonce BYTEA,
    created_at BIGINT NOT NULL,
    next_try_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    sent_at BIGINT
);

CREATE INDEX outgoing_mail_by_user ON outgoing_mail (user_id);
CREATE INDEX outgoing_mail_by_address ON outgoing_mail (address_hash, created_at);
CREATE INDEX outgoing_mail_by_kind ON outgoing_mail (kind, created_at);
CREATE INDEX outgoing_mail_waiting ON outgoing_mail (next_try_at) WHERE sent_at IS NULL;

-- Requests for a new password, as typed: the account is looked up only after the response was sent.
-- Each row is deleted within seconds.
CREATE TABLE reset_requests (
    id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    who TEXT NOT NULL,
    nonce BYTEA NOT NULL,
    client_address TEXT NOT NULL,
    requested_at BIGINT NOT NULL
);
