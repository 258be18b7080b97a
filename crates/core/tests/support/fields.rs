//! Field values and properties in words: `x-message-ttl=1000`, `{a=1:l, b=[x, y], c={}}`, `expiration=10`.
//!
//! Without a tag a number is `I` (or `l`, if it is too large), `true` and `false` are `t`, `void` is `V`, anything else `S`;
//! `:` and a letter at the end is the tag, so `1000:S` is a string and `1000:l` a long. All is written and
//! read here byte by byte, so that what leveret's codec does to a table can be seen.

use super::words::{bytes, named, quoted, shown, split};

/// Appends a short string.
pub fn put_short(out: &mut Vec<u8>, text: &[u8]) {
    out.push(u8::try_from(text.len()).expect("short strings have at most 255 bytes"));
    out.extend(text);
}

/// Appends a long string.
pub fn put_long(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
    out.extend(text);
}

/// The entries of a table from words `key=value`, without the table's length.
pub fn table<'a>(entries: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let (key, value) = named(entry).unwrap_or_else(|| panic!("not `key=value`: {entry}"));
        put_short(&mut out, &bytes(key));
        put_value(&mut out, value);
    }
    out
}

fn inner(word: &str) -> Vec<&str> {
    let inside = &word[1..word.len() - 1];
    split(inside, ',').into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn put_value(out: &mut Vec<u8>, word: &str) {
    let (text, tag) = match word.as_bytes() {
        [.., b':', tag] if !word.starts_with(['[', '{']) => (&word[..word.len() - 2], *tag),
        [b'{', ..] => (word, b'F'),
        [b'[', ..] => (word, b'A'),
        [b'\'', ..] => (word, b'S'),
        b"true" | b"false" => (word, b't'),
        b"void" => (word, b'V'),
        _ if word.parse::<i32>().is_ok() => (word, b'I'),
        _ if word.parse::<i64>().is_ok() => (word, b'l'),
        _ => (word, b'S'),
    };
    let number = || text.parse::<i128>().unwrap_or_else(|_| panic!("not a number: {word}")).to_be_bytes();
    out.push(tag);
    match tag {
        b't' => out.push(u8::from(text == "true")),
        b'b' | b'B' => out.extend(&number()[15..]),
        b's' | b'u' | b'U' => out.extend(&number()[14..]),
        b'I' | b'i' => out.extend(&number()[12..]),
        b'l' | b'L' | b'T' => out.extend(&number()[8..]),
        b'f' => out.extend(text.parse::<f32>().unwrap().to_be_bytes()),
        b'd' => out.extend(text.parse::<f64>().unwrap().to_be_bytes()),
        b'D' => {
            let (value, scale) = text.split_once("e-").expect("decimals are written 15e-1:D");
            out.push(scale.parse().unwrap());
            out.extend(value.parse::<u32>().unwrap().to_be_bytes());
        }
        b'A' => {
            let mut values = Vec::new();
            for value in inner(text) {
                put_value(&mut values, value);
            }
            put_long(out, &values);
        }
        b'F' => put_long(out, &table(inner(text))),
        b'S' | b'x' => put_long(out, &bytes(text)),
        _ => {}
    }
}

/// Bytes that are read from the front.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn number(&mut self, bytes: usize) -> u64 {
        self.take(bytes).iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    fn short(&mut self) -> &'a [u8] {
        let len = self.number(1);
        self.take(usize::try_from(len).unwrap())
    }

    fn long(&mut self) -> &'a [u8] {
        let len = self.number(4);
        self.take(usize::try_from(len).unwrap())
    }
}

/// A table in words, as [`table`] reads them.
pub fn shown_table(entries: &[u8]) -> String {
    let mut reader = Reader(entries);
    let mut shown_entries = Vec::new();
    while !reader.0.is_empty() {
        let key = shown(reader.short());
        shown_entries.push(format!("{key}={}", shown_value(&mut reader)));
    }
    format!("{{{}}}", shown_entries.join(", "))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "fields have their width")]
fn shown_value(reader: &mut Reader<'_>) -> String {
    let tag = reader.take(1)[0];
    let plain = match tag {
        b't' => return (reader.number(1) != 0).to_string(),
        b'V' => return "void".to_owned(),
        b'A' => {
            let (mut values, mut shown_values) = (Reader(reader.long()), Vec::new());
            while !values.0.is_empty() {
                shown_values.push(shown_value(&mut values));
            }
            return format!("[{}]", shown_values.join(", "));
        }
        b'F' => return shown_table(reader.long()),
        b'S' => {
            let text = reader.long();
            let word = shown(text);
            let ambiguous = word.parse::<i64>().is_ok() || ["true", "false", "void"].contains(&word.as_str());
            return if ambiguous { quoted(text) } else { word };
        }
        b'x' => shown(reader.long()),
        b'I' => return (reader.number(4) as i32).to_string(),
        b'l' => match reader.number(8) as i64 {
            large if i32::try_from(large).is_err() => return large.to_string(),
            small => small.to_string(),
        },
        b'b' => (reader.number(1) as i8).to_string(),
        b'B' => reader.number(1).to_string(),
        b's' => (reader.number(2) as i16).to_string(),
        b'u' => reader.number(2).to_string(),
        b'i' => reader.number(4).to_string(),
        b'L' | b'T' => reader.number(8).to_string(),
        b'f' => f32::from_bits(reader.number(4) as u32).to_string(),
        b'd' => f64::from_bits(reader.number(8)).to_string(),
        b'D' => {
            let scale = reader.number(1);
            format!("{}e-{scale}", reader.number(4))
        }
        other => panic!("leveret sent a field with the tag {other}"),
    };
    format!("{plain}:{}", char::from(tag))
}

#[derive(Clone, Copy)]
enum Kind {
    Short,
    Table,
    Octet,
    Seconds,
}

/// Paragraph 4.2.6.1: the first property has the highest flag.
const PROPERTIES: &[(&str, Kind)] = &[
    ("content-type", Kind::Short),
    ("content-encoding", Kind::Short),
    ("headers", Kind::Table),
    ("delivery-mode", Kind::Octet),
    ("priority", Kind::Octet),
    ("correlation-id", Kind::Short),
    ("reply-to", Kind::Short),
    ("expiration", Kind::Short),
    ("message-id", Kind::Short),
    ("timestamp", Kind::Seconds),
    ("type", Kind::Short),
    ("user-id", Kind::Short),
    ("app-id", Kind::Short),
    ("cluster-id", Kind::Short),
];

/// Properties, flags first, from words such as `priority=1`; `persistent` is `delivery-mode=2`.
pub fn properties(words: &[&str]) -> Vec<u8> {
    let word_of = |name: &str| {
        let persistent = (name == "delivery-mode" && words.contains(&"persistent")).then_some("2");
        let mut pairs = words.iter().filter_map(|word| named(word));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value).or(persistent)
    };
    let (mut flags, mut values) = (0_u16, Vec::new());
    for (place, (name, kind)) in PROPERTIES.iter().enumerate() {
        let Some(word) = word_of(name) else { continue };
        flags |= 1 << (15 - place);
        match kind {
            Kind::Short => put_short(&mut values, &bytes(word)),
            Kind::Table => put_long(&mut values, &table(inner(word))),
            Kind::Octet => values.push(word.parse().unwrap()),
            Kind::Seconds => values.extend(word.parse::<u64>().unwrap().to_be_bytes()),
        }
    }
    let known = |word: &&&str| {
        **word == "persistent"
            || named(word).is_some_and(|(key, _)| PROPERTIES.iter().any(|(name, _)| *name == key))
    };
    assert!(words.iter().all(|word| known(&word)), "not all of these are properties: {words:?}");
    let mut properties = flags.to_be_bytes().to_vec();
    properties.extend(values);
    properties
}

/// Properties in words, each with a space before it.
pub fn shown_properties(properties: &[u8]) -> String {
    let mut reader = Reader(properties);
    let flags = reader.number(2);
    let mut text = String::new();
    for (place, (name, kind)) in PROPERTIES.iter().enumerate() {
        if flags & (1 << (15 - place)) == 0 {
            continue;
        }
        let value = match kind {
            Kind::Short => shown(reader.short()),
            Kind::Table => shown_table(reader.long()),
            Kind::Octet => reader.number(1).to_string(),
            Kind::Seconds => reader.number(8).to_string(),
        };
        text.push(' ');
        match (*name, value.as_str()) {
            ("delivery-mode", "2") => text.push_str("persistent"),
            (name, value) => text.extend([name, "=", value]),
        }
    }
    assert!(reader.0.is_empty(), "leveret sent properties that are longer than their flags say");
    text
}
