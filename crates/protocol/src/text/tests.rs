//! Tests of the grammar, with realistic and with adversarial input.

use super::Segment::{Block, Code, Link, Mention, Text};
use super::*;

fn segments(body: &str) -> Vec<Segment<'_>> {
    pieces(body).into_iter().map(|piece| piece.segment).collect()
}

fn links(body: &str) -> Vec<&str> {
    let link = |segment| if let Link(address) = segment { Some(address) } else { None };
    segments(body).into_iter().filter_map(link).collect()
}

#[test]
fn a_link_is_the_address_no_more_and_no_less() {
    for (body, address) in [
        ("“https://example.com/a”", "https://example.com/a"),
        ("‘https://example.com/a’", "https://example.com/a"),
        ("«https://example.com/a»", "https://example.com/a"),
        ("'https://example.com/a'", "https://example.com/a"),
        ("https://x.example/ramvne_", "https://x.example/ramvne_"),
        ("https://x.example/a-", "https://x.example/a-"),
        ("https://x.example/?q=a=", "https://x.example/?q=a="),
        ("Https://example.com", "Https://example.com"),
        ("HTTP://EXAMPLE.COM/A", "HTTP://EXAMPLE.COM/A"),
        ("详见https://example.com/guide。", "https://example.com/guide"),
        ("详见https://example.com看一下", "https://example.com"),
        ("（https://example.com/a）", "https://example.com/a"),
        ("「https://example.com/a」です", "https://example.com/a"),
        ("https://example.com/a，还有", "https://example.com/a"),
        ("https://example.com/a、b", "https://example.com/a"),
        ("ดูhttps://example.com/a", "https://example.com/a"),
        ("https://zh.wikipedia.org/wiki/中文", "https://zh.wikipedia.org/wiki/中文"),
        ("https://例え.jp/a", "https://例え.jp/a"),
        ("https://münchen.example/straße", "https://münchen.example/straße"),
        ("https://example.com/a؟", "https://example.com/a"),
        ("https://example.com/a।", "https://example.com/a"),
        ("https://example.com/a…", "https://example.com/a"),
        ("*https://example.com/a*", "https://example.com/a"),
        ("_https://example.com/a_", "https://example.com/a"),
        ("**https://example.com/a**!", "https://example.com/a"),
        ("[https://example.com/a]", "https://example.com/a"),
        ("https://example.com/a[1]", "https://example.com/a[1]"),
        ("http://[::1]:8080/a", "http://[::1]:8080/a"),
        ("https://example.com:8443/a?b#c.", "https://example.com:8443/a?b#c"),
        ("(see https://a.org/x_(y))", "https://a.org/x_(y)"),
        ("https://example.com/a\u{3000}b", "https://example.com/a"),
        ("https://example.com/a\u{200B}b", "https://example.com/a"),
        ("https://example.com/a\u{202E}b", "https://example.com/a"),
        ("see.https://example.com", "https://example.com"),
        ("https://video.example/@bob/42", "https://video.example/@bob/42"),
        ("https://me@host.example/", "https://me@host.example/"),
    ] {
        assert_eq!(links(body), [address], "{body}");
    }
    for body in [
        "https://",
        "https://.",
        "http://)",
        "xhttp://y",
        "éhttp://y",
        "javascript:alert(1)",
        "https:/a",
        "htt",
    ] {
        assert_eq!(segments(body), [Text(body)], "{body}");
    }
    assert_eq!(
        segments("see https://a.org/x_(y)?q=1. Or (http://b.net), ok"),
        [Text("see "), Link("https://a.org/x_(y)?q=1"), Text(". Or ("), Link("http://b.net"), Text("), ok")]
    );
}

#[test]
fn nobody_is_mentioned_in_code_addresses_and_mailboxes() {
    for body in [
        "`npm i @bob/tool`",
        "``a ` @bob``",
        "``@bob``",
        "```\n@bob\n```",
        "```@bob```",
        "````\n```\n@bob\n```\n````",
        "https://video.example/@bob/42",
        "HTTPS://video.example/@bob",
        "video.example/@bob",
        "first.last_@bob.example",
        "first.last@bob.example",
        "first.last-@bob.example",
        "me+@bob.example",
        "é@bob",
        "e\u{301}@bob",
        "почта@bob",
        "@bobé",
        "@bobу",
        "@bob\u{301}",
        "@bob@server.example",
        "@\u{200B}bob",
        "@bo",
        "@1bob",
        "@ bob",
        "@abcdefghijklmnopqrstuvwxy",
    ] {
        assert!(mentions(body).is_empty(), "{body}");
        assert!(!segments(body).iter().any(|segment| matches!(segment, Mention(_))), "{body}");
    }
}

#[test]
fn people_are_mentioned_between_the_words_of_every_script() {
    for body in [
        "@bob",
        "(@bob)",
        "@bob,",
        "@bob.",
        "@bob's",
        "@bob’s",
        "...@bob",
        "wait...@bob",
        "“@bob”",
        "请@bob看一下",
        "ボブ@bobさん",
        "ありがとう@bob。",
        "안녕@bob은",
        "ขอบคุณ@bobครับ",
        "请＠bob看一下",
        "👍@bob",
        "🏳️\u{200D}⚧️@bob",
        "، @bob،",
        "line\n@bob\nline",
        "`code`@bob",
        "``` @bob",
        "` @bob",
        "`a\n@bob`",
        "https://example.com @bob",
        "https://example.com，@bob",
    ] {
        assert_eq!(mentions(body), ["bob"], "{body}");
    }
    assert_eq!(mentions("@Ada and (@bob), @ada again; mail me@carol.org @x"), ["ada", "bob"]);
    assert_eq!(mentions("@ada/@bob"), ["ada", "bob"]);
    let many: String = (0..30).map(|number| format!("@name{number} ")).collect();
    assert_eq!(mentions(&many).len(), limits::MENTIONS_PER_MESSAGE);
}

#[test]
fn code_ends_where_as_many_marks_stand() {
    assert_eq!(
        segments("@ada: run `cargo @bob` a@carol.org\n```\nlet x;\n```\nend"),
        [
            Mention("ada"),
            Text(": run "),
            Code("cargo @bob"),
            Text(" a@carol.org"),
            Block("let x;"),
            Text("end")
        ]
    );
    assert_eq!(segments("``` open"), [Text("``` open")]);
    assert_eq!(segments("ü`"), [Text("ü`")]);
    assert_eq!(segments("`a``b`"), [Code("a``b")]);
    assert_eq!(segments("`` `a` ``"), [Code("`a`")]);
    assert_eq!(segments("``"), [Text("``")]);
    assert_eq!(segments("```a````"), [Block("a")]);
    assert_eq!(segments("``` ``"), [Text("``` ``")]);
}

#[test]
fn the_word_at_the_caret_is_completed() {
    assert_eq!(mention_at("hi @Ad", 6), Some((3, "ad".into())));
    assert_eq!(mention_at("hi @", 4), Some((3, String::new())));
    assert_eq!(mention_at("请@bo看一下", 6), Some((3, "bo".into())));
    assert_eq!(mention_at("me@ad", 5), None);
    assert_eq!(mention_at("@ad x", 5), None);
    assert_eq!(mention_at("`npm i @bo`", 10), None);
    assert_eq!(mention_at("`npm i @bo", 10), Some((7, "bo".into())), "it is not code yet");
    assert_eq!(mention_at("https://video.example/@bo", 25), None);
    assert_eq!(mention_at("@ä", 2), None, "not between the bytes of a letter");
}

/// Messages made of parts that the grammar knows and parts that it doesn't, in random order.
fn random_bodies() -> impl Iterator<Item = String> {
    const PARTS: [&str; 40] = [
        "@bob",
        "@",
        "＠ada",
        "@x",
        "`",
        "``",
        "```",
        "````",
        "\n",
        " ",
        "https://",
        "http://a.example/",
        "/",
        ".",
        "_",
        ")",
        "(",
        "”",
        "“",
        "。",
        "请",
        "看",
        "é",
        "e\u{301}",
        "\u{200B}",
        "\u{200D}",
        "👍",
        "a",
        "1",
        "*",
        "[",
        "]",
        "h",
        "Https://例え.jp",
        "\u{202E}",
        "…",
        "me",
        "+",
        "-",
        "'",
    ];
    let mut state: u64 = 0x5EED;
    let mut draw = move |below: usize| {
        // Knuth's generator; the high bits have the better quality.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    std::iter::repeat_with(move || (0..draw(14)).map(|_| PARTS[draw(PARTS.len())]).collect()).take(40_000)
}

#[test]
fn pieces_joined_are_what_was_written() {
    for body in random_bodies() {
        let pieces = pieces(&body);
        let mut end = 0;
        for piece in &pieces {
            assert_eq!(piece.at.start, end, "{body:?} has a hole: {pieces:?}");
            assert!(!piece.at.is_empty(), "{body:?}: {pieces:?}");
            end = piece.at.end;
            let written = &body[piece.at.clone()];
            match piece.segment {
                Text(text) | Link(text) => assert_eq!(text, written),
                Mention(handle) => assert!(written.ends_with(handle) && validation::handle(handle).is_ok()),
                Code(code) | Block(code) => assert!(written.contains(code) && written.contains('`')),
            }
        }
        assert_eq!(end, body.len(), "{body:?}: {pieces:?}");
        let neighbours = |pair: &[Piece<'_>]| pair.iter().all(|piece| matches!(piece.segment, Text(_)));
        assert!(!pieces.windows(2).any(neighbours), "one text, one piece: {pieces:?}");
    }
}

#[test]
fn who_is_notified_is_drawn_and_offered() {
    for body in random_bodies() {
        let drawn = pieces(&body);
        for handle in mentions(&body) {
            let is_it =
                |piece: &Piece<'_>| matches!(piece.segment, Mention(one) if validation::fold(one) == handle);
            assert!(drawn.iter().any(is_it), "{body:?}");
        }
        for piece in &drawn {
            let offered = |caret: usize| mention_at(&body, caret).map(|(start, _)| start);
            match piece.segment {
                Mention(_) => assert_eq!(offered(piece.at.end), Some(piece.at.start), "{body:?}"),
                Code(_) | Block(_) | Link(_) => {
                    for (at, sign) in body[piece.at.clone()].match_indices(['@', '＠']) {
                        assert_eq!(offered(piece.at.start + at + sign.len()), None, "{body:?}");
                    }
                }
                Text(_) => {}
            }
        }
    }
}

#[test]
fn long_messages_are_read_in_no_time() {
    let longest = limits::MESSAGE;
    let staircase: String = (1..90).map(|length| format!("{} ", "`".repeat(length))).collect();
    for body in [
        "`".repeat(longest),
        "`\n".repeat(longest / 2),
        "@".repeat(longest),
        "h".repeat(longest),
        format!("https://a{}", ")".repeat(longest - 9)),
        "https://a(".repeat(longest / 10),
        staircase,
    ] {
        let start = std::time::Instant::now();
        for _ in 0..10 {
            pieces(&body);
        }
        assert!(start.elapsed().as_millis() < 1000, "{body}");
    }
}
