//! Every limit that a client can meet, in one place; the server enforces them, clients show them beforehand.

/// Shortest and longest handle, in ASCII characters.
pub const HANDLE: (usize, usize) = (3, 24);
/// Longest display name, in characters.
pub const DISPLAY_NAME: usize = 40;
/// Longest bio, in characters.
pub const BIO: usize = 300;
/// Shortest and longest password, in bytes of UTF-8 (longer ones are refused, never cut).
pub const PASSWORD: (usize, usize) = (8, 256);
/// Longest e-mail address, in bytes, and longest part before its `@`.
pub const EMAIL: (usize, usize) = (254, 64);
/// Most mails that one person can ask for in an hour to confirm addresses, and most that go to one address for it.
pub const VERIFICATIONS_PER_HOUR: (i64, i64) = (5, 3);
/// Most mails with links for a new password that one account gets in an hour.
pub const RESET_MAILS_PER_HOUR: i64 = 3;
/// Most mails of either sort that one server sends in an hour.
pub const MAILS_PER_HOUR: i64 = 1000;
/// Shortest and longest room name, in characters.
pub const ROOM_NAME: (usize, usize) = (2, 40);
/// Longest room topic, in characters.
pub const TOPIC: usize = 200;
/// Longest message, in characters.
pub const MESSAGE: usize = 4000;
/// Longest client id of a message, in ASCII characters.
pub const CID: usize = 64;
/// Longest name of a device, in characters.
pub const DEVICE: usize = 80;
/// Longest name of a passkey, in characters.
pub const PASSKEY_NAME: usize = 40;
/// Most passkeys of one person.
pub const PASSKEYS_PER_USER: i64 = 10;
/// Longest name of a token, in characters.
pub const TOKEN_NAME: usize = 40;
/// Most tokens of one person or bot.
pub const TOKENS_PER_USER: i64 = 50;
/// Most conversations that a token can be limited to.
pub const TOKEN_CONVERSATIONS: usize = 100;
/// Most days after which a token ends, when it does by itself.
pub const TOKEN_DAYS: i64 = 3650;
/// Most bots of one person.
pub const BOTS_PER_USER: i64 = 5;
/// Largest answer of an authenticator, in bytes of JSON, and how deep it may be.
pub const CREDENTIAL: (usize, usize) = (16 * 1024, 8);
/// Longest search text, in characters.
pub const SEARCH: usize = 60;
/// Longest emoji of a reaction, in bytes (families with skin tones are long).
pub const EMOJI: usize = 48;
/// Most distinct emoji under one message.
pub const REACTIONS_PER_MESSAGE: usize = 20;
/// Most people that one message can mention.
pub const MENTIONS_PER_MESSAGE: usize = 20;
/// Most items in one page of any collection.
pub const PAGE: i64 = 100;
/// Most items in one page of one's own things: conversations, friends, blocks.
pub const LIST_PAGE: i64 = 200;
/// Most events in one page of catch-up.
pub const EVENTS_PAGE: i64 = 200;
/// Most events replayed at `start`: per conversation, and in all.
pub const REPLAY: (i64, i64) = (200, 1000);
/// Most conversations that one socket follows live; the others tell their heads only.
pub const LIVE: usize = 50;
/// Most rooms that one person can be in.
pub const ROOMS_PER_USER: i64 = 1000;
/// Most rooms that one person can own.
pub const OWNED_ROOMS: i64 = 50;
/// Most friends that one person can have, with those whom they have asked.
pub const FRIENDS_PER_USER: i64 = 1000;
/// Most requests that one person has asked and that are open.
pub const OUTGOING_REQUESTS: i64 = 200;
/// Most requests of others that one person sees; the oldest are hidden.
pub const INCOMING_REQUESTS: i64 = 200;
/// Most people that one person can block.
pub const BLOCKS_PER_USER: i64 = 1000;
/// Most requests for friendship that one person can make in a day.
pub const FRIEND_REQUESTS_PER_DAY: i64 = 20;
/// Most open invites of one person, and of one administrator.
pub const INVITES_PER_USER: i64 = 20;
/// See [`INVITES_PER_USER`].
pub const INVITES_PER_ADMIN: i64 = 1000;
/// Most accounts that wait for approval at the same time.
pub const PENDING_ACCOUNTS: i64 = 1000;
/// Longest invite code, in ASCII characters.
pub const INVITE_CODE: usize = 64;
/// Most sockets of one person on one node.
pub const SOCKETS_PER_USER: usize = 10;
/// Largest socket frame from a client, in bytes, and the most fragments that may carry it.
pub const FRAME: (usize, usize) = (16 * 1024, 64);
/// Largest JSON body of a REST request, in bytes.
pub const BODY: usize = 64 * 1024;
/// Largest JSON body of a request of somebody who has not shown who they are, in bytes: the answer of an authenticator and
/// some room.
pub const BODY_OF_STRANGERS: usize = 24 * 1024;
/// Largest uploaded profile picture, in bytes.
pub const AVATAR_UPLOAD: usize = 5 * 1024 * 1024;
/// Most pixels of an uploaded picture (width × height): what phones take at their usual setting.
pub const AVATAR_PIXELS: u64 = 13_000_000;
/// Edge lengths, in pixels, of the square pictures that are served.
pub const AVATAR_SIZES: [u32; 2] = [64, 256];
/// A client pings after this long without traffic, in milliseconds.
pub const HEARTBEAT_MS: u64 = 25_000;
/// Most bytes of a token that came by a link.
pub const TOKEN: usize = 200;
