//! A message's text, cut into the pieces that are shown differently. The text itself is never changed:
//! joined again, the pieces are what was written (code marks apart).

use parlour_protocol::validation;

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Plain text, with its line breaks.
    Text(String),
    /// An http or https address.
    Link(String),
    /// A handle, without the `@`.
    Mention(String),
    /// Between single backticks.
    Code(String),
    /// Between triple backticks.
    Block(String),
}

/// Cuts a message into its pieces.
pub(crate) fn segments(body: &str) -> Vec<Segment> {
    let mut found = Vec::new();
    for (index, part) in body.split("```").enumerate() {
        let last = body.matches("```").count();
        if index % 2 == 1 && index < last {
            let part = part.strip_prefix('\n').unwrap_or(part);
            found.push(Segment::Block(part.strip_suffix('\n').unwrap_or(part).to_owned()));
        } else if index % 2 == 1 {
            inline(&format!("```{part}"), &mut found);
        } else {
            // The line breaks around a block belong to the block.
            let part = if index > 0 { part.strip_prefix('\n').unwrap_or(part) } else { part };
            let part = if index < last { part.strip_suffix('\n').unwrap_or(part) } else { part };
            inline(part, &mut found);
        }
    }
    found
}

fn inline(text: &str, found: &mut Vec<Segment>) {
    let mut plain = String::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(character) = rest.chars().next() {
        let piece = match character {
            '`' => code(rest),
            '@' if !before.is_alphanumeric() => mention(rest),
            'h' if !before.is_alphanumeric() => link(rest),
            _ => None,
        };
        match piece {
            Some((segment, length)) => {
                flush(&mut plain, found);
                found.push(segment);
                before = rest.get(..length).and_then(|taken| taken.chars().next_back()).unwrap_or(' ');
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                plain.push(character);
                before = character;
                rest = rest.get(character.len_utf8()..).unwrap_or_default();
            }
        }
    }
    flush(&mut plain, found);
}

fn flush(plain: &mut String, found: &mut Vec<Segment>) {
    if !plain.is_empty() {
        found.push(Segment::Text(std::mem::take(plain)));
    }
}

fn code(rest: &str) -> Option<(Segment, usize)> {
    let inner = rest.get(1..)?;
    let end = inner.find('`')?;
    let text = inner.get(..end)?;
    (!text.is_empty() && !text.contains('\n')).then(|| (Segment::Code(text.to_owned()), end + 2))
}

fn mention(rest: &str) -> Option<(Segment, usize)> {
    let after = rest.get(1..)?;
    let end = after.find(|next: char| !next.is_ascii_alphanumeric() && next != '_').unwrap_or(after.len());
    let name = after.get(..end)?;
    validation::handle(name).is_ok().then(|| (Segment::Mention(name.to_owned()), end + 1))
}

fn link(rest: &str) -> Option<(Segment, usize)> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| rest.starts_with(scheme))?;
    let end = rest
        .find(|next: char| next.is_whitespace() || matches!(next, '<' | '>' | '"' | '`'))
        .unwrap_or(rest.len());
    let mut address = rest.get(..end)?;
    // Punctuation at the end belongs to the sentence; a bracket does, unless it was opened inside.
    while let Some(last) = address.chars().next_back() {
        let closes = last == ')' && address.matches('(').count() < address.matches(')').count();
        if !closes && !matches!(last, '.' | ',' | ';' | ':' | '!' | '?' | '\'' | ']' | '}' | '*' | '_') {
            break;
        }
        address = address.get(..address.len() - last.len_utf8())?;
    }
    (address.len() > scheme.len()).then(|| (Segment::Link(address.to_owned()), address.len()))
}

/// The `@word` that is being typed at the caret, if any: where it begins (byte offset of the `@`) and the
/// letters so far, folded.
pub(crate) fn mention_at(text: &str, caret: usize) -> Option<(usize, String)> {
    let before = text.get(..caret)?;
    let start = before.rfind('@')?;
    let word = before.get(start + 1..)?;
    let joined = before.get(..start)?.chars().next_back().is_some_and(char::is_alphanumeric);
    let letters = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (!joined && letters && word.len() <= 24).then(|| (start, word.to_lowercase()))
}

/// The byte offset of a position that the browser counted in UTF-16 units.
pub(crate) fn from_utf16(text: &str, units: usize) -> usize {
    let mut seen = 0;
    for (at, character) in text.char_indices() {
        if seen >= units {
            return at;
        }
        seen += character.len_utf16();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_end_before_punctuation() {
        let text = |text: &str| Segment::Text(text.into());
        assert_eq!(
            segments("see https://a.org/x_(y)?q=1. Or (http://b.net), ok"),
            [
                text("see "),
                Segment::Link("https://a.org/x_(y)?q=1".into()),
                text(". Or ("),
                Segment::Link("http://b.net".into()),
                text("), ok")
            ]
        );
        assert_eq!(segments("javascript:alert(1) xhttp://y"), [text("javascript:alert(1) xhttp://y")]);
        assert_eq!(segments("https://"), [text("https://")]);
    }

    #[test]
    fn mentions_and_code_are_found() {
        let found = segments("@ada: run `cargo @bob` a@carol.org\n```\nlet x;\n```\nend");
        assert_eq!(
            found,
            [
                Segment::Mention("ada".into()),
                Segment::Text(": run ".into()),
                Segment::Code("cargo @bob".into()),
                Segment::Text(" a@carol.org".into()),
                Segment::Block("let x;".into()),
                Segment::Text("end".into())
            ]
        );
        assert_eq!(segments("``` open"), [Segment::Text("``` open".into())]);
        assert_eq!(segments("ü`"), [Segment::Text("ü`".into())]);
    }

    #[test]
    fn the_word_at_the_caret_is_completed() {
        assert_eq!(mention_at("hi @Ad", 6), Some((3, "ad".into())));
        assert_eq!(mention_at("hi @", 4), Some((3, String::new())));
        assert_eq!(mention_at("me@ad", 5), None);
        assert_eq!(mention_at("@ad x", 5), None);
        assert_eq!(from_utf16("ü👍x", 3), "ü👍".len());
    }
}
