//! The grammar of messages: where a mention, a link or code begins and ends.
//!
//! Invariant: there is only this grammar. Who is notified, what is rendered and what is completed while typing all come
//! from [`pieces`]. Concatenated, the pieces give the original text, byte for byte.

mod boundaries;
mod links;

use std::ops::Range;

use crate::{limits, validation};
use boundaries::{follows_word, goes_on, last_letter};

/// Kind and content of a piece of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Plain text, with its line breaks.
    Text(&'a str),
    /// An http or https URL.
    Link(&'a str),
    /// A handle as it was written, without the `@`.
    Mention(&'a str),
    /// Inline code: between backticks, on one line.
    Code(&'a str),
    /// A code block: between three or more backticks.
    Block(&'a str),
}

/// A piece of a message, and the bytes that it takes up, including its delimiters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Byte range in the message.
    pub at: Range<usize>,
    /// What it is.
    pub segment: Segment<'a>,
}

/// Splits a message into pieces. They are contiguous, and none is empty.
pub fn pieces(body: &str) -> Vec<Piece<'_>> {
    let mut reader = Reader { body, found: Vec::new(), plain_from: 0, unclosed: usize::MAX };
    let mut at = 0;
    while let Some(character) = body.get(at..).and_then(|rest| rest.chars().next()) {
        let taken = match character {
            '`' => reader.code(at),
            '@' | '＠' => reader.mention(at, character.len_utf8()),
            'h' | 'H' => reader.link(at),
            _ => None,
        };
        at = match taken {
            Some(piece) => reader.push(piece),
            None if character == '`' => at + run(body, at),
            None => at + character.len_utf8(),
        };
    }
    reader.flush(body.len());
    reader.found
}

/// The handles that a message mentions: folded, without duplicates, in order, at most [`limits::MENTIONS_PER_MESSAGE`].
pub fn mentions(body: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    if !body.contains(['@', '＠']) {
        return found;
    }
    for piece in pieces(body) {
        if let Segment::Mention(handle) = piece.segment {
            let folded = validation::fold(handle);
            if !found.contains(&folded) && found.len() < limits::MENTIONS_PER_MESSAGE {
                found.push(folded);
            }
        }
    }
    found
}

/// The `@word` being typed at the caret, if completing it would make a mention: the byte offset of the `@`, and the
/// letters so far, in lower case.
pub fn mention_at(text: &str, caret: usize) -> Option<(usize, String)> {
    let before = text.get(..caret)?;
    let start = before.rfind(['@', '＠'])?;
    let sign = before.get(start..)?.chars().next()?;
    let word = before.get(start + sign.len_utf8()..)?;
    if word.len() > limits::HANDLE.1 || !word.bytes().all(is_of_handle) {
        return None;
    }
    // Parses the text with a sample handle in place of the word, to see whether any handle would be a mention here.
    let completed = format!("{}{sign}abc {}", text.get(..start)?, text.get(caret..)?);
    let mention = |piece: &Piece<'_>| piece.at.start == start && matches!(piece.segment, Segment::Mention(_));
    pieces(&completed).iter().any(mention).then(|| (start, word.to_ascii_lowercase()))
}

fn is_of_handle(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Length of the run of backticks at this position.
fn run(body: &str, at: usize) -> usize {
    body.bytes().skip(at).take_while(|byte| *byte == b'`').count()
}

struct Reader<'a> {
    body: &'a str,
    found: Vec<Piece<'a>>,
    /// Start of the plain text that is being read.
    plain_from: usize,
    /// A block opened by this many backticks, or more, is never closed. Remembering it keeps the search for closing
    /// backticks cheap.
    unclosed: usize,
}

impl<'a> Reader<'a> {
    fn flush(&mut self, until: usize) {
        if let Some(text) = self.body.get(self.plain_from..until).filter(|text| !text.is_empty()) {
            self.found.push(Piece { at: self.plain_from..until, segment: Segment::Text(text) });
        }
    }

    fn push(&mut self, piece: Piece<'a>) -> usize {
        let end = piece.at.end;
        self.flush(piece.at.start);
        self.found.push(piece);
        self.plain_from = end;
        end
    }

    fn code(&mut self, at: usize) -> Option<Piece<'a>> {
        let marks = run(self.body, at);
        if marks >= 3 { self.block(at, marks) } else { self.inline_code(at, marks) }
    }

    /// Closed by the same number of backticks as opened it, on the same line.
    fn inline_code(&self, at: usize, marks: usize) -> Option<Piece<'a>> {
        let inner = at + marks;
        let line = self.body.get(inner..)?.split('\n').next()?;
        let mut end = 0;
        loop {
            end += line.get(end..)?.find('`')?;
            let length = run(line, end);
            if length == marks {
                break;
            }
            end += length;
        }
        let code = line.get(..end)?;
        // Two backticks are for code that contains backticks; a space separates them from the delimiters.
        let bare = code.strip_prefix(' ').and_then(|code| code.strip_suffix(' '));
        let code = bare.filter(|bare| marks == 2 && !bare.trim().is_empty()).unwrap_or(code);
        Some(Piece { at: at..inner + end + marks, segment: Segment::Code(code) })
    }

    /// Closed by at least as many backticks as opened it. The line breaks around a block belong to it.
    fn block(&mut self, at: usize, marks: usize) -> Option<Piece<'a>> {
        if marks >= self.unclosed {
            return None;
        }
        let inner = at + marks;
        let Some(length) = self.body.get(inner..)?.find(&"`".repeat(marks)) else {
            self.unclosed = marks;
            return None;
        };
        let code = self.body.get(inner..inner + length)?;
        let code = code.strip_prefix('\n').unwrap_or(code);
        let code = code.strip_suffix('\n').unwrap_or(code);
        let closed = inner + length + run(self.body, inner + length);
        let before = self.body.get(self.plain_from..at)?;
        let start = if before.ends_with('\n') { at - 1 } else { at };
        let end = if self.body.get(closed..)?.starts_with('\n') { closed + 1 } else { closed };
        Some(Piece { at: start..end, segment: Segment::Block(code) })
    }

    fn mention(&self, at: usize, sign: usize) -> Option<Piece<'a>> {
        let before = self.body.get(..at)?;
        let after = self.body.get(at + sign..)?;
        let length = after.bytes().take_while(|byte| is_of_handle(*byte)).count();
        let handle = after.get(..length)?;
        let rest = after.get(length..)?;
        let of_word = follows_word(before) || goes_on(rest) || self.is_in_path(at);
        // `first.last-@ada.example` is an email address; `@ada@chat.example` is someone on another server.
        let host = rest.strip_prefix('@').map(|host| host.trim_start_matches(is_of_host));
        let of_address = host.is_some_and(is_domain) || (is_domain(rest) && ends_like_mailbox(before));
        let stands_alone = !of_word && !of_address && validation::handle(handle).is_ok();
        stands_alone.then(|| Piece { at: at..at + sign + length, segment: Segment::Mention(handle) })
    }

    /// Whether a word and a slash come directly before: `video.example/@ada` is a URL, `@bob/@ada` is two people.
    fn is_in_path(&self, at: usize) -> bool {
        let plain = self.body.get(self.plain_from..at).and_then(|before| before.strip_suffix('/'));
        plain.is_some_and(follows_word)
    }

    fn link(&self, at: usize) -> Option<Piece<'a>> {
        let before = self.body.get(..at)?;
        if last_letter(before).is_some_and(|letter| letter != '_' && boundaries::joins(letter)) {
            return None;
        }
        let address = links::address(self.body.get(at..)?, before.chars().next_back())?;
        Some(Piece { at: at..at + address.len(), segment: Segment::Link(address) })
    }
}

fn is_of_host(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '-'
}

/// Whether a name that ends just before continues as a host name.
fn is_domain(rest: &str) -> bool {
    rest.strip_prefix('.').is_some_and(|next| next.starts_with(|one: char| one.is_ascii_alphanumeric()))
}

/// Whether the text ends like the local part of an email address: `first.last-`, `me+`.
fn ends_like_mailbox(before: &str) -> bool {
    let bare =
        before.trim_end_matches(['.', '+', '-', '=', '~', '%', '&', '\'', '!', '#', '$', '*', '/', '?']);
    bare.len() < before.len() && follows_word(bare)
}

#[cfg(test)]
mod tests;
