//! Every limit a client can hit, in one place. The server enforces them; clients check them before sending.

/// Minimum and maximum length of a handle, in ASCII characters.
pub const HANDLE: (usize, usize) = (3, 24);
/// Maximum length of a display name, in characters.
pub const DISPLAY_NAME: usize = 40;
/// Maximum length of a bio, in characters.
pub const BIO: usize = 300;
/// Minimum length of a password in characters, and maximum in bytes of UTF-8 (longer ones are refused, never
/// truncated).
pub const PASSWORD: (usize, usize) = (8, 256);
/// Maximum length of an email address, and of the part before its `@`, in bytes.
pub const EMAIL: (usize, usize) = (254, 64);
/// Maximum number of confirmation mails per hour that one user can request, and that are sent to one address.
pub const VERIFICATIONS_PER_HOUR: (i64, i64) = (5, 3);
/// Maximum number of password reset mails per account and hour.
pub const RESET_MAILS_PER_HOUR: i64 = 3;
/// Maximum number of mails of each kind, confirmation or reset, that all nodes together send per hour.
pub const MAILS_PER_HOUR: i64 = 1000;
/// Minimum and maximum length of a room name, in characters.
pub const ROOM_NAME: (usize, usize) = (2, 40);
/// Maximum length of a room topic, in characters.
pub const TOPIC: usize = 200;
/// Maximum length of a message, in characters.
pub const MESSAGE: usize = 4000;
/// Maximum length of a message's client id, in ASCII characters.
pub const CID: usize = 64;
/// Maximum length of a device name, in characters.
pub const DEVICE: usize = 80;
/// Maximum length of a passkey name, in characters.
pub const PASSKEY_NAME: usize = 40;
/// Maximum number of passkeys per user.
pub const PASSKEYS_PER_USER: i64 = 10;
/// Maximum length of a token name, in characters.
pub const TOKEN_NAME: usize = 40;
/// Maximum number of tokens per user or bot.
pub const TOKENS_PER_USER: i64 = 50;
/// Maximum number of conversations that a token can be limited to.
pub const TOKEN_CONVERSATIONS: usize = 100;
/// Maximum lifetime of a token that expires, in days.
pub const TOKEN_DAYS: i64 = 3650;
/// Maximum number of bots per user.
pub const BOTS_PER_USER: i64 = 5;
/// Maximum size of an authenticator's response, in bytes of JSON, and its maximum nesting depth.
pub const CREDENTIAL: (usize, usize) = (16 * 1024, 8);
/// Maximum length of a search text, in characters.
pub const SEARCH: usize = 60;
/// Maximum length of a reaction's emoji, in bytes (families with skin tones are long).
pub const EMOJI: usize = 48;
/// Maximum number of different emoji on one message.
pub const REACTIONS_PER_MESSAGE: usize = 20;
/// Maximum number of people that one message can mention.
pub const MENTIONS_PER_MESSAGE: usize = 20;
/// Maximum number of items in one page of any collection.
pub const PAGE: i64 = 100;
/// Maximum number of items in one page of the caller's conversations, friends or blocks.
pub const LIST_PAGE: i64 = 200;
/// Maximum number of events in one page of catch-up.
pub const EVENTS_PAGE: i64 = 200;
/// Maximum number of events replayed after `start`: per conversation, and in total.
pub const REPLAY: (i64, i64) = (200, 1000);
/// Maximum number of conversations that one socket follows live; for the others it gets only `heads`.
pub const LIVE: usize = 50;
/// Maximum number of rooms a user can be in.
pub const ROOMS_PER_USER: i64 = 1000;
/// Maximum number of rooms a user can own.
pub const OWNED_ROOMS: i64 = 50;
/// Maximum number of friends and outgoing requests per user.
pub const FRIENDS_PER_USER: i64 = 1000;
/// Maximum number of open outgoing friend requests per user.
pub const OUTGOING_REQUESTS: i64 = 200;
/// Maximum number of incoming friend requests that a user sees; the oldest are hidden.
pub const INCOMING_REQUESTS: i64 = 200;
/// Maximum number of people a user can block.
pub const BLOCKS_PER_USER: i64 = 1000;
/// Maximum number of friend requests a user can send per day.
pub const FRIEND_REQUESTS_PER_DAY: i64 = 20;
/// Maximum number of open invites per user.
pub const INVITES_PER_USER: i64 = 20;
/// Maximum number of open invites per administrator.
pub const INVITES_PER_ADMIN: i64 = 1000;
/// Maximum number of accounts that wait for approval at the same time.
pub const PENDING_ACCOUNTS: i64 = 1000;
/// Maximum length of an invite code, in ASCII characters.
pub const INVITE_CODE: usize = 64;
/// Maximum number of sockets of one user on one node.
pub const SOCKETS_PER_USER: usize = 10;
/// Maximum size of a socket frame from a client, in bytes, and maximum number of its fragments.
pub const FRAME: (usize, usize) = (16 * 1024, 64);
/// Maximum size of a JSON request body, in bytes.
pub const BODY: usize = 64 * 1024;
/// Maximum size of a JSON request body from a client that isn't authenticated, in bytes: an authenticator's response
/// plus some headroom.
pub const BODY_OF_STRANGERS: usize = 24 * 1024;
/// Maximum size of an uploaded profile picture, in bytes.
pub const AVATAR_UPLOAD: usize = 5 * 1024 * 1024;
/// Maximum number of pixels of an uploaded picture (width × height): what phones take at their default setting.
pub const AVATAR_PIXELS: u64 = 13_000_000;
/// Edge lengths, in pixels, of the square pictures the server delivers.
pub const AVATAR_SIZES: [u32; 2] = [64, 256];
/// A client pings after this long without traffic, in milliseconds.
pub const HEARTBEAT_MS: u64 = 25_000;
/// Maximum length of a token from a link, in bytes.
pub const TOKEN: usize = 200;
