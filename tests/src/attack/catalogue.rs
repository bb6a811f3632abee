//! Every attack by name. The letter and number are those of the finding that it belongs to, so `c1` names every attack
//! of that finding.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};

use super::floods::{bodies, frames, guesses, handshakes, log, readers, uploads, verbs};
use super::probes::{disk, ends, lists, local, passwords, proxies, quiet, words};
use super::run::Settings;
use super::scene::{From, Scene};
use crate::Backend;

/// What attackers do: prepare, begin, and continue until the end.
pub type Flood = fn(Rc<Scene>) -> LocalBoxFuture<'static, ()>;

/// What a probe found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Measured values.
    pub values: Map<String, Value>,
    /// What must not happen, but did.
    pub faults: Vec<String>,
    /// The last lines of the nodes' logs.
    pub last_words: String,
}

impl Findings {
    /// Records a value.
    pub fn value(&mut self, name: &str, value: impl Into<Value>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// Records a fault unless `holds` is true.
    pub fn demand(&mut self, holds: bool, otherwise: impl Into<String>) {
        if !holds {
            self.faults.push(otherwise.into());
        }
    }
}

/// How an attack is run.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Runs beside innocents, with the bounds that apply to every attack.
    Flood {
        /// Settings that differ from the default. Few: only where preparing would otherwise take minutes.
        own: &'static [(&'static str, &'static str)],
        /// Where connections come from.
        from: From,
        /// Whether open sessions also confirm their password during the attack.
        confirms: bool,
        /// What the attackers do.
        flood: Flood,
    },
    /// A question with a right answer, asked of servers that the probe starts itself.
    Probe(fn(Backend, Settings) -> Findings),
}

/// An attack.
pub struct Attack {
    /// Its name, `c1-declared`.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// How it is run.
    pub kind: Kind,
}

impl Attack {
    /// Whether a command-line argument names it: by its whole name, or by its finding.
    pub fn is_named(&self, word: &str) -> bool {
        self.name == word || self.name.split('-').next() == Some(word)
    }
}

const fn flood(name: &'static str, about: &'static str, from: From, flood: Flood) -> Attack {
    Attack { name, about, kind: Kind::Flood { own: &[], from, confirms: false, flood } }
}

const fn guessing(name: &'static str, about: &'static str, from: From, flood: Flood) -> Attack {
    Attack { name, about, kind: Kind::Flood { own: &[], from, confirms: true, flood } }
}

const fn probe(name: &'static str, about: &'static str, probe: fn(Backend, Settings) -> Findings) -> Attack {
    Attack { name, about, kind: Kind::Probe(probe) }
}

/// All attacks.
pub static ATTACKS: &[Attack] = &[
    flood(
        "c1-declared",
        "anonymous frames of 2^16 to 2^63-1 bytes, at full speed",
        From::Many,
        frames::declared,
    ),
    flood("c1-one", "the same from one address", From::One, frames::declared),
    flood("c1-started", "the same on sockets that have started", From::Many, frames::declared_started),
    flood("c1-fragments", "messages of fragments that never end", From::Many, frames::endless_fragments),
    flood(
        "c1-unfinished",
        "16 KiB less a byte, on as many sockets as can be opened",
        From::Many,
        frames::unfinished,
    ),
    flood("c1-dribble", "a frame of 2^31 bytes, byte by byte", From::Many, frames::dribble),
    flood("h1-pongs", "empty pongs on six anonymous sockets", From::One, frames::pongs),
    flood(
        "h1-mixed",
        "every empty frame there is, anonymous, from many addresses",
        From::Many,
        frames::mixed,
    ),
    flood("h1-started", "every empty frame there is, on started sockets", From::Many, frames::mixed_started),
    flood("h2-json", "3000 bodies of JSON that stay without their end", From::Many, bodies::json),
    flood("h2-one", "the same from one address", From::One, bodies::json),
    flood("h2-pictures", "200 pictures of one account without their end", From::Many, bodies::pictures),
    flood(
        "h2-chunked",
        "chunks without end, and chunks with endless extensions",
        From::Many,
        bodies::chunked,
    ),
    flood("h2-unwanted", "bodies where none is taken, and after the answer", From::Many, bodies::unwanted),
    flood("h2-descriptors", "1100 requests of which a few bytes are missing", From::One, bodies::descriptors),
    flood("h2-silent", "4000 connections that say nothing, or a header a second", From::Many, bodies::silent),
    flood("h3-events", "300 readers of large pages who do not read", From::Many, readers::events),
    flood(
        "h3-mixed",
        "lists, exports, the client's files: asked for and not read",
        From::Many,
        readers::mixed,
    ),
    flood("h3-pipelined", "requests one behind the other, answers not read", From::One, readers::pipelined),
    flood("h3-sync", "sockets that ask for pages of the log and do not read", From::Many, readers::sync),
    guessing(
        "h4-many",
        "wrong passwords for many accounts from many addresses",
        From::Many,
        guesses::anybody,
    ),
    guessing("h4-one", "the same from one address", From::One, guesses::anybody),
    guessing("h5-victim", "wrong passwords for one account from many addresses", From::Many, guesses::victim),
    guessing(
        "h5-one",
        "the same from one address, from which the victim logs in too",
        From::One,
        guesses::victim,
    ),
    flood(
        "h6-pictures",
        "small files of huge pictures, 80 connections of one account",
        From::One,
        uploads::one,
    ),
    flood("h6-many", "the same by twenty accounts", From::Many, uploads::many),
    probe("h7-files", "who may read what the server writes; dumps; open files", local::files),
    flood("h8-verbs", "every changing operation as fast as one account can", From::One, verbs::changes),
    flood("h8-socket", "the same commands on sockets", From::Many, verbs::commands),
    flood("h8-reads", "reads as fast as one account can", From::One, verbs::reads),
    probe("h9-forwarded", "forged addresses behind a proxy, in every way to write them", proxies::forwarded),
    guessing("m1-hashes", "200 log-ins at once from many addresses", From::Many, guesses::hashes),
    probe("m2-presence", "whether a count tells that somebody is there", quiet::presence),
    probe("m3-order", "whether refused messages move a conversation", quiet::order),
    flood("m4-rooms", "rooms that are made and left", From::One, verbs::rooms),
    flood(
        "m5-conversations",
        "the list of conversations of somebody in many rooms",
        From::One,
        readers::conversations,
    ),
    flood("m6-handshakes", "handshakes as fast as one address can", From::One, handshakes::flood),
    flood("m6-many", "the same from many addresses", From::Many, handshakes::flood),
    flood("m7-handles", "handles asked for in every way", From::One, verbs::handles),
    probe("m8-requests", "a thousand strangers ask one person for friendship", lists::requests),
    probe("m9-exports", "two slow readers of exports, and a third person's export", lists::exports),
    probe("m10-metrics", "who sees the metrics without a token", proxies::metrics),
    probe("m11-end", "SIGTERM with 1,000 and 10,000 sockets", ends::sigterm),
    flood("m12-log", "requests and frames that are logged", From::Many, log::malformed),
    probe("l1-typing", "typing in two rooms on ten sockets", lists::typing),
    probe("l3-symlink", "a second process on the same file by another name", local::second_process),
    probe("l5-refresh", "a made-up refresh token with somebody's session", passwords::made_up_refresh),
    probe("l6-mentions", "one person mentioned over and over", lists::mentions),
    probe("l7-fsync", "a PostgreSQL that does not write what it has promised", disk::careless),
    probe("l8-full", "a disk without any space left", disk::full),
    probe("l9-restart", "writes after PostgreSQL was restarted", disk::restarted),
    probe("l10-names", "names with characters that nobody sees", words::names),
    probe("l11-origin", "the public address in other spellings", words::origins),
    probe(
        "l12-framework",
        "headers of the framework's own answers, half pictures, answers to no message",
        words::framework,
    ),
    probe("l14-deleted", "deleted text in the files", disk::deleted),
];
