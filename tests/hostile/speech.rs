//! Commands as bytes: what the transcripts' words can say, and beside it what no sensible client would.
//!
//! `raw queue.declare 0:u16 'q' 0:u8 99:u32 x01` is a method with its arguments one by one, `raw header 5:u64 x2000`
//! the payload of a content header from the size on, `raw frame 9 …` a frame of any type, `raw …` after these the
//! bytes alone. Arguments: `7:u8` to `7:u64`, `'short string'`, `long'…'`, `text'…'` (no length), `xC0FFEE`, `{a=1}` a table,
//! `deep:3000` a table in a table in a table. `word*300` is that many, and `300 times COMMAND` says it again and again.

use leveret_codec::MethodId;

use crate::words_of::fields::{put_long, put_short, table};
use crate::words_of::speak::{frame, speak};
use crate::words_of::words::{bytes, split, words};

const FRAME_END: u8 = 0xCE;

/// The bytes of all commands of a line, on this channel unless one names another (`2: channel.open`).
pub fn all(channel: u16, commands: &str) -> Vec<u8> {
    split(commands, ';').into_iter().flat_map(|command| one(channel, command.trim())).collect()
}

fn one(channel: u16, command: &str) -> Vec<u8> {
    if let Some((of, rest)) = command.split_once(": ")
        && let Ok(of) = of.parse()
    {
        return one(of, rest);
    }
    if let Some((count, rest)) = command.split_once(" times ")
        && let Ok(count) = count.parse()
    {
        return one(channel, rest).repeat(count);
    }
    match words(command).as_slice() {
        ["raw", "header", parts @ ..] => {
            frame(2, channel, &[&[0, 60, 0, 0], self::parts(parts).as_slice()].concat(), FRAME_END)
        }
        ["raw", "frame", kind, parts @ ..] => {
            frame(kind.parse().expect("a type"), channel, &self::parts(parts), FRAME_END)
        }
        ["raw", name, parts @ ..] => match MethodId::ALL.iter().find(|id| id.to_string() == *name) {
            Some(id) => method(channel, *id, &self::parts(parts)),
            None => self::parts(&[&[*name], parts].concat()),
        },
        _ => speak(channel, command),
    }
}

/// A method with these arguments, as they are.
pub fn method(channel: u16, id: MethodId, arguments: &[u8]) -> Vec<u8> {
    let payload = [&id.class.to_be_bytes(), &id.method.to_be_bytes(), arguments].concat();
    frame(1, channel, &payload, FRAME_END)
}

/// Arguments, one after the other.
pub fn parts(words: &[&str]) -> Vec<u8> {
    words.iter().flat_map(|word| part(word)).collect()
}

fn part(word: &str) -> Vec<u8> {
    if let Some((word, count)) = word.rsplit_once('*')
        && let Ok(count) = count.parse()
    {
        return match word.strip_prefix('\'') {
            // The string is long, not many.
            Some(_) => short(&bytes(word).repeat(count)),
            None => part(word).repeat(count),
        };
    }
    if word.starts_with('\'') {
        return short(&bytes(word));
    }
    if word.starts_with('{') {
        let entries: Vec<&str> = split(&word[1..word.len() - 1], ',');
        return long(&table(entries.into_iter().map(str::trim).filter(|entry| !entry.is_empty())));
    }
    if let Some(depth) = word.strip_prefix("deep:") {
        return nested(depth.parse().expect("a depth"));
    }
    for (name, of) in [("long'", long as fn(&[u8]) -> Vec<u8>), ("text'", |text| text.to_vec())] {
        if word.starts_with(name) {
            return of(&bytes(&word[name.len() - 1..]));
        }
    }
    number(word).unwrap_or_else(|| hex(word))
}

fn number(word: &str) -> Option<Vec<u8>> {
    let (number, width) = word.split_once(":u")?;
    let bits: usize = width.parse().expect("a width");
    let bytes = number.parse::<u64>().expect("a number").to_be_bytes();
    Some(bytes[8 - bits / 8..].to_vec())
}

fn hex(word: &str) -> Vec<u8> {
    let digits = word.strip_prefix('x').unwrap_or_else(|| panic!("what does {word} stand for?"));
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("two digits");
    (0..digits.len()).step_by(2).map(pair).collect()
}

fn short(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_short(&mut out, text);
    out
}

fn long(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_long(&mut out, text);
    out
}

/// Tables within tables, so many deep, whose lengths fit.
fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(long(b""), |inner, _| long(&[&b"\x01kF"[..], &inner].concat()))
}
