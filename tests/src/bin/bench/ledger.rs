//! What was sent and acknowledged, and whether the database holds exactly that.
//!
//! Invariant: four bytes are kept per message. Everything else is in its client id, from which the text follows.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;
use std::rc::Rc;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use parlour_storage::connection::Address;
use parlour_storage::{Connection, on_backend};
use serde_json::{Value, json};

/// Default length of a message's text, in bytes.
pub const BYTES: usize = 100;
/// Rows per read.
const PAGE: usize = 5000;

/// A message that was neither acknowledged nor refused: it may be stored or not.
const UNKNOWN: u32 = 0;
/// A message that was refused without an effect.
const REFUSED: u32 = u32::MAX;
/// A message that was found in the database.
const FOUND: u32 = u32::MAX - 1;

/// The messages of one crowd.
#[derive(Default)]
pub struct Book {
    number: usize,
    bytes: usize,
    /// The acknowledged position of each message, or one of the states above.
    states: RefCell<Vec<u32>>,
}

impl Book {
    /// Records one more sent message.
    pub fn note_sent(&self) {
        self.states.borrow_mut().push(UNKNOWN);
    }

    /// Records that a message was acknowledged with this position.
    pub fn note_acked(&self, message: u64, seq: u64) {
        self.note(message, seq as u32);
    }

    /// Records that a message was refused without an effect.
    pub fn note_refused(&self, message: u64) {
        self.note(message, REFUSED);
    }

    fn note(&self, message: u64, state: u32) {
        if let Some(entry) = self.states.borrow_mut().get_mut(message as usize) {
            *entry = state;
        }
    }

    /// The client id of a message.
    pub fn cid(&self, message: u64, intended: u64) -> String {
        format!("bench-{:x}-{message:x}-{intended:x}", self.number)
    }

    /// The text of a message: its intended time, and what makes it unique.
    pub fn body(&self, message: u64, intended: u64, conversation: &str) -> String {
        let own = format!("{:x}.{message:x}.{conversation}.", self.number);
        let mut body = format!("t={intended:016} ");
        while body.len() < self.bytes {
            body.push_str(&own);
        }
        body.truncate(self.bytes);
        body
    }
}

/// All messages that were sent to one server.
pub struct Ledger {
    /// Absent for the floor, which stores nothing.
    database: Option<Address>,
    bytes: usize,
    books: RefCell<Vec<Rc<Book>>>,
    rooms: RefCell<BTreeSet<i64>>,
}

impl Ledger {
    /// A ledger for a server with this database.
    pub fn new(database: Option<Address>) -> Self {
        Self { database, bytes: BYTES, books: RefCell::default(), rooms: RefCell::default() }
    }

    /// The database of the server.
    pub fn database(&self) -> Option<&Address> {
        self.database.as_ref()
    }

    /// Sets the length of texts, in bytes, for books that are opened from now on.
    pub fn set_bytes(&mut self, bytes: usize) {
        self.bytes = bytes;
    }

    /// Opens the book of one more crowd.
    pub fn open(&self) -> Rc<Book> {
        let mut books = self.books.borrow_mut();
        let book = Rc::new(Book { number: books.len(), bytes: self.bytes, states: RefCell::default() });
        books.push(book.clone());
        book
    }

    /// Records that messages go to this conversation too.
    pub fn note_room(&self, conversation: &str) {
        self.rooms.borrow_mut().extend(conversation.parse::<i64>());
    }

    /// Reads every log that was written to, and compares. Messages that are found count as found from then on, so call
    /// this at the end of a scenario.
    pub fn check(&self) -> Stored {
        let mut stored = Stored::default();
        let Some(database) = &self.database else { return stored };
        let books = self.books.borrow();
        for book in books.iter() {
            let states = book.states.borrow();
            stored.acknowledged += states.iter().filter(|state| (1..FOUND).contains(*state)).count() as u64;
        }
        let mut connection = database.connect().expect("the database can be read");
        for room in self.rooms.borrow().iter() {
            check_room(&mut connection, *room, &books, &mut stored);
        }
        stored
    }
}

#[derive(QueryableByName)]
struct Head {
    #[diesel(sql_type = BigInt)]
    last_seq: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Nullable<Text>)]
    cid: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    body: Option<String>,
}

fn check_room(connection: &mut Connection, room: i64, books: &[Rc<Book>], stored: &mut Stored) {
    // The head first: what is stored in the meantime lies behind it.
    let head = diesel::sql_query(format!("SELECT last_seq FROM conversations WHERE id = {room}"));
    let head: Head = on_backend!(&mut *connection, inner => head.get_result(inner)).expect("the room's head");
    let conversation = room.to_string();
    let mut last = 0;
    loop {
        let page = diesel::sql_query(format!(
            "SELECT seq, cid, body FROM events WHERE conversation_id = {room} AND seq > {last} \
             ORDER BY seq LIMIT {PAGE}"
        ));
        let rows: Vec<Row> =
            on_backend!(&mut *connection, inner => page.load(inner)).expect("a page of the room's log");
        for row in &rows {
            stored.holes += (row.seq - last - 1) as u64;
            last = row.seq;
            stored.take(row, &conversation, books);
        }
        if rows.len() < PAGE {
            break;
        }
    }
    stored.holes += (head.last_seq - last).max(0) as u64;
}

/// What the database says about the acknowledged messages.
#[derive(Default)]
pub struct Stored {
    acknowledged: u64,
    /// Messages that are stored with their text at the acknowledged position.
    found: u64,
    /// Messages that are stored a second time.
    twice: u64,
    /// Messages at a position other than the acknowledged one.
    elsewhere: u64,
    /// Messages with a different text.
    changed: u64,
    /// Messages that were refused "without an effect", or that nobody sent.
    unexpected: u64,
    /// Positions without an event.
    holes: u64,
}

impl Stored {
    fn take(&mut self, row: &Row, conversation: &str, books: &[Rc<Book>]) {
        let Some(cid) = row.cid.as_deref().and_then(|cid| cid.strip_prefix("bench-")) else { return };
        let parts: Vec<u64> = cid.split('-').filter_map(|part| u64::from_str_radix(part, 16).ok()).collect();
        let [book, message, intended] = parts[..] else {
            self.unexpected += 1;
            return;
        };
        let book = books.get(book as usize);
        let mut states = book.map(|book| book.states.borrow_mut());
        let state = states.as_mut().and_then(|states| states.get_mut(message as usize));
        let (Some(book), Some(state)) = (book, state) else {
            self.unexpected += 1;
            return;
        };
        let same = row.body.as_deref() == Some(&book.body(message, intended, conversation));
        self.changed += u64::from(!same);
        match std::mem::replace(state, FOUND) {
            FOUND => self.twice += 1,
            REFUSED => self.unexpected += 1,
            UNKNOWN => {}
            acked if i64::from(acked) == row.seq => self.found += u64::from(same),
            _ => self.elsewhere += 1,
        }
    }

    /// Whether everything that was acknowledged is stored once, and as acknowledged.
    pub fn holds(&self) -> bool {
        self.found == self.acknowledged && self.faults().values().all(|count| *count == 0)
    }

    fn faults(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("twice", self.twice),
            ("elsewhere", self.elsewhere),
            ("with another text", self.changed),
            ("that should not be there", self.unexpected),
            ("positions empty", self.holes),
        ])
    }

    /// Writes the result into a scenario's line.
    pub fn note(&self, line: &mut Value) {
        let mut text = format!("{} of {}", grouped(self.found), grouped(self.acknowledged));
        if self.twice == 0 {
            text.push_str(", none twice");
        }
        for (fault, count) in self.faults().into_iter().filter(|(_, count)| *count > 0) {
            text.push_str(&format!(", {} {fault}", grouped(count)));
        }
        line["stored"] = json!(text);
        line["stored_as_acknowledged"] = json!(self.holds());
    }
}

impl AddAssign for Stored {
    fn add_assign(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.found += other.found;
        self.twice += other.twice;
        self.elsewhere += other.elsewhere;
        self.changed += other.changed;
        self.unexpected += other.unexpected;
        self.holes += other.holes;
    }
}

/// A number with thousands separators.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use system_tests::{Backend, TestDatabase};

    /// A room whose log is what three acknowledgements said, except for one change.
    fn check_after(change: &str) -> Stored {
        let database = TestDatabase::migrated(Backend::SqliteLocal);
        let ledger = Ledger::new(Some(database.address()));
        let book = ledger.open();
        ledger.note_room("7");
        let mut inserts = vec![
            "INSERT INTO conversations (id, kind, topic, last_seq, member_count, last_activity_at, created_at)
             VALUES (7, 0, '', 4, 0, 0, 0)".to_owned(),
            "INSERT INTO events (conversation_id, seq, kind, author_id, at) VALUES (7, 1, 4, 1, 0)".to_owned(),
        ];
        for message in 0..3 {
            book.note_sent();
            book.note_acked(message, message + 2);
            let (cid, body) = (book.cid(message, 1000 + message), book.body(message, 1000 + message, "7"));
            inserts.push(format!(
                "INSERT INTO events (conversation_id, seq, kind, author_id, at, cid, body)
                 VALUES (7, {}, 0, 1, 0, '{cid}', '{body}')",
                message + 2
            ));
        }
        let mut connection = database.connect();
        for statement in inserts.iter().map(String::as_str).chain([change]).filter(|text| !text.is_empty()) {
            let statement = diesel::sql_query(statement);
            on_backend!(&mut connection, inner => statement.execute(inner)).unwrap();
        }
        ledger.check()
    }

    fn text_after(change: &str) -> String {
        let (stored, mut line) = (check_after(change), json!({}));
        stored.note(&mut line);
        assert_eq!(stored.holds(), change.is_empty());
        line["stored"].as_str().unwrap().to_owned()
    }

    #[test]
    fn every_difference_from_the_acknowledgements_is_found() {
        assert_eq!(text_after(""), "3 of 3, none twice");
        assert_eq!(
            text_after("UPDATE events SET body = 'other' WHERE seq = 3"),
            "2 of 3, none twice, 1 with another text"
        );
        assert_eq!(text_after("DELETE FROM events WHERE seq = 3"), "2 of 3, none twice, 1 positions empty");
        assert_eq!(text_after("DELETE FROM events WHERE seq = 4"), "2 of 3, none twice, 1 positions empty");
        assert_eq!(
            text_after("UPDATE events SET seq = 5 WHERE seq = 4"),
            "2 of 3, none twice, 1 elsewhere, 1 positions empty"
        );
        assert_eq!(
            text_after(
                "INSERT INTO events (conversation_id, seq, kind, author_id, at, cid, body)
                 SELECT 7, 5, 0, 2, 0, cid, body FROM events WHERE seq = 3"
            ),
            "3 of 3, 1 twice"
        );
    }

    #[test]
    fn what_was_refused_must_not_be_stored() {
        let database = TestDatabase::migrated(Backend::SqliteLocal);
        let ledger = Ledger::new(Some(database.address()));
        let book = ledger.open();
        book.note_sent();
        book.note_refused(0);
        let row = Row { seq: 2, cid: Some(book.cid(0, 9)), body: Some(book.body(0, 9, "7")) };
        let mut stored = ledger.check();
        stored.take(&row, "7", &ledger.books.borrow());
        assert!(!stored.holds());
    }
}
