use std::io::Read;

use super::*;

/// Gives a few bytes at a time, so that everything is cut.
struct Drops<'b>(&'b [u8], usize);

impl Read for Drops<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(self.0.len()).min(buffer.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

/// Every event in a line of its own, pieces of text joined.
fn events(input: impl Read) -> Vec<String> {
    let mut scanner = Scanner::new(Decoded::new(input).unwrap());
    let mut events: Vec<String> = Vec::new();
    let mut say = |kind: &str, text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        match events.last_mut() {
            Some(last) if matches!(kind, "=" | "!") && last.starts_with(kind) => {
                last.push_str(&text);
            }
            _ => events.push(format!("{kind}{text}")),
        }
    };
    loop {
        match scanner.next().unwrap() {
            Event::Open(tag) => {
                let value = tag.attribute("a").unwrap_or_default();
                let end = if tag.is_empty() { "/" } else { "" };
                let text = format!("{} {value}{end}", String::from_utf8_lossy(&tag.name()));
                let is_text = &*tag.name() == b"t";
                say("<", text.as_bytes());
                if is_text {
                    scanner.take_text("t");
                }
            }
            Event::Close(name) => say(">", &name),
            Event::Text(text) => say("=", text),
            Event::Literal(text) => say("!", text),
            Event::End(is_cut) => {
                say(if is_cut { "cut" } else { "end" }, b"");
                return events;
            }
        }
    }
}

#[test]
fn finds_the_same_wherever_the_input_is_cut() {
    let xml = "\u{feff}<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y '>'>]><!-- <x> -- > --><p:x a='1&lt;&#x20;\"'>a<![CDATA[<b>]]]>]]>c\
        < 1<y a = \"2\"\n/><t><b>&amp;</b></t></p:x >";
    let expected = [
        "=\u{feff}",
        "<x 1< \"",
        "=a",
        "!<b>]]>",
        "=c< 1",
        "<y 2/",
        "<t ",
        "=<b>&amp;</b>",
        ">t",
        ">x",
        "end",
    ];
    let text = xml.replace("]]]>]]>", "]]]]>");
    let expected: Vec<String> = expected
        .iter()
        .map(|event| event.replace("!<b>]]>", "!<b>]]"))
        .collect();
    assert_eq!(events(text.as_bytes()), expected);
    for length in 1..40 {
        assert_eq!(events(Drops(text.as_bytes(), length)), expected, "{length}");
    }
}

#[test]
fn knows_an_end_in_the_middle_of_markup() {
    for xml in [
        "<a",
        "<a b",
        "<a b=",
        "<a b='",
        "<!--",
        "<![CDATA[x",
        "</a",
        "<?x",
        "<",
    ] {
        let last = events(xml.as_bytes()).pop();
        assert_eq!(last.as_deref(), Some("cut"), "{xml}");
    }
    for xml in ["", "x", "<a>", "<a/>", "<a></a>"] {
        let last = events(xml.as_bytes()).pop();
        assert_eq!(last.as_deref(), Some("end"), "{xml}");
    }
}

#[test]
fn resolves_references_and_no_entities() {
    let mut text = Text::default();
    text.push(
        b"&lt;a&gt; &amp;amp; &#252;&#x1F680;&#0;&#xD800; &lol; a & b &; &#; ",
        false,
        1_000,
    );
    text.push(b"&lt;", true, 1_000);
    assert_eq!(text.taken(), "<a> &amp; ü🚀 &lol; a & b &;  &lt;");
    text.push("ü".repeat(10).as_bytes(), false, 5);
    assert_eq!(text.taken(), "üü\u{fffd}");
}
