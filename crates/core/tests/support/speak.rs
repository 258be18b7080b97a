//! What clients say: a command in words to frames on the wire, byte by byte.
//!
//! Positions first, then bits by name, then `key=value` (arguments or properties). Class basic is left out
//! of names, so `publish` is basic.publish. Beside methods there are `bytes 08 00…`, `frame TYPE TEXT end=00`,
//! `header size=5 class=60 weight=0 …`, `body TEXT`, `heartbeat` and `protocol-header 0 0 9 1`.

use super::fields::{properties, put_long, put_short, table};
use super::words::{body, bytes, named, words};

/// More than leveret's default frame-max would not be taken.
const BODY_FRAME_MAX_BYTES: usize = 131_064;

/// A command taken apart.
struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    fn next(&mut self) -> Vec<u8> {
        assert!(!self.0.is_empty(), "there is a word missing");
        bytes(self.0.remove(0))
    }

    fn next_body(&mut self) -> Vec<u8> {
        assert!(!self.0.is_empty(), "there is a body missing ('' is an empty one)");
        body(self.0.remove(0))
    }

    fn number<T: std::str::FromStr>(&mut self) -> T {
        let word = String::from_utf8(self.next()).unwrap();
        word.parse().unwrap_or_else(|_| panic!("not a number that fits: {word}"))
    }

    fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| *word != name);
        self.0.len() < before
    }

    fn option(&mut self, name: &str) -> Option<&'a str> {
        let at = self.0.iter().position(|word| named(word).is_some_and(|(key, _)| key == name))?;
        named(self.0.remove(at)).map(|(_, value)| value)
    }

    fn option_number<T: std::str::FromStr>(&mut self, name: &str, default: T) -> T {
        self.option(name)
            .map_or(default, |word| word.parse().unwrap_or_else(|_| panic!("not a number: {word}")))
    }

    fn table(&mut self) -> Vec<u8> {
        table(std::mem::take(&mut self.0))
    }
}

/// Arguments of a method, written one by one.
struct Payload(Vec<u8>);

impl Payload {
    fn method(class: u16, method: u16) -> Self {
        Self([class.to_be_bytes(), method.to_be_bytes()].concat())
    }

    fn short(mut self, number: u16) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn long(mut self, number: u32) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn tag(mut self, number: u64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn name(mut self, name: &[u8]) -> Self {
        put_short(&mut self.0, name);
        self
    }

    fn text(mut self, text: &[u8]) -> Self {
        put_long(&mut self.0, text);
        self
    }

    fn bits(mut self, words: &mut Words<'_>, names: &[&str]) -> Self {
        let bits = names.iter().enumerate().map(|(bit, name)| u8::from(words.flag(name)) << bit);
        self.0.push(bits.sum());
        self
    }

    /// Queue and ticket come first in many methods.
    fn ticket(self) -> Self {
        self.short(0)
    }
}

/// One frame.
pub fn frame(kind: u8, channel: u16, payload: &[u8], end: u8) -> Vec<u8> {
    let mut frame = vec![kind];
    frame.extend(channel.to_be_bytes());
    put_long(&mut frame, payload);
    frame.push(end);
    frame
}

/// The frames of a command.
pub fn speak(channel: u16, command: &str) -> Vec<u8> {
    let mut said = Words(words(command));
    let name = said.0.remove(0);
    let frames = match name {
        "bytes" => std::mem::take(&mut said.0).iter().flat_map(|word| hex(word)).collect(),
        "protocol-header" => {
            let mut header = b"AMQP".to_vec();
            header.extend((0..4).map(|_| said.number::<u8>()));
            header
        }
        "heartbeat" => frame(8, channel, b"", 0xCE),
        "frame" => {
            let (kind, payload) = (said.number(), said.next());
            let end = said.option("end").map_or(0xCE, |end| hex(end)[0]);
            frame(kind, channel, &payload, end)
        }
        "method" => {
            let (class, method) = (said.number::<u16>(), said.number::<u16>());
            let arguments = said.0.drain(..).flat_map(hex);
            let payload = Payload::method(class, method).0.into_iter().chain(arguments).collect::<Vec<_>>();
            frame(1, channel, &payload, 0xCE)
        }
        "header" => header(channel, &mut said),
        "body" => frame(3, channel, &said.next_body(), 0xCE),
        "publish" => publish(channel, &mut said),
        _ => frame(1, channel, &method(name, &mut said).0, 0xCE),
    };
    assert!(said.0.is_empty(), "`{command}` has words that mean nothing: {:?}", said.0);
    frames
}

fn hex(word: &str) -> Vec<u8> {
    let digits: Vec<char> = word.chars().collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

fn header(channel: u16, said: &mut Words<'_>) -> Vec<u8> {
    let class: u16 = said.option_number("class", 60);
    let weight: u16 = said.option_number("weight", 0);
    let size: u64 = said.option_number("size", 0);
    let raw = said.option("raw").map(hex);
    let mut payload = [class.to_be_bytes(), weight.to_be_bytes()].concat();
    payload.extend(size.to_be_bytes());
    payload.extend(raw.unwrap_or_else(|| properties(&std::mem::take(&mut said.0))));
    frame(2, channel, &payload, 0xCE)
}

fn publish(channel: u16, said: &mut Words<'_>) -> Vec<u8> {
    let (exchange, key, body) = (said.next(), said.next(), said.next_body());
    let payload = Payload::method(60, 40).ticket().name(&exchange).name(&key);
    let method = payload.bits(said, &["mandatory", "immediate"]).0;
    let mut header = [60_u16.to_be_bytes(), 0_u16.to_be_bytes()].concat();
    header.extend((body.len() as u64).to_be_bytes());
    header.extend(properties(&std::mem::take(&mut said.0)));
    let mut frames = frame(1, channel, &method, 0xCE);
    frames.extend(frame(2, channel, &header, 0xCE));
    for part in body.chunks(BODY_FRAME_MAX_BYTES) {
        frames.extend(frame(3, channel, part, 0xCE));
    }
    frames
}

fn method(name: &str, said: &mut Words<'_>) -> Payload {
    let method = Payload::method;
    let bits_only = |class, id, said: &mut Words<'_>, names: &[&str]| method(class, id).bits(said, names);
    match name {
        "connection.start-ok" => start_ok(said),
        "connection.tune-ok" => {
            let channel_max = said.option_number("channel-max", 2047);
            let frame_max = said.option_number("frame-max", 131_072);
            method(10, 31).short(channel_max).long(frame_max).short(said.option_number("heartbeat", 0))
        }
        "connection.open" => method(10, 40).name(&said.next()).name(b"").bits(said, &["insist"]),
        "connection.close" => method(10, 50).short(200).name(b"bye").short(0).short(0),
        "connection.close-ok" => method(10, 51),
        "connection.update-secret" => method(10, 70).text(&said.next()).name(b"renewed"),
        "channel.open" => method(20, 10).name(b""),
        "channel.flow" => bits_only(20, 20, said, &["active"]),
        "channel.close" => method(20, 40).short(200).name(b"bye").short(0).short(0),
        "channel.close-ok" => method(20, 41),
        "access.request" => method(30, 10).name(&said.next()).bits(said, &["exclusive", "passive", "active"]),
        "confirm.select" => bits_only(85, 10, said, &["nowait"]),
        "tx.select" => method(90, 10),
        "tx.commit" => method(90, 20),
        "tx.rollback" => method(90, 30),
        _ if name.starts_with("exchange.") => exchange(name, said),
        _ if name.starts_with("queue.") => queue(name, said),
        _ => basic(name, said),
    }
}

fn start_ok(said: &mut Words<'_>) -> Payload {
    let mechanism = said.option("mechanism").map_or(b"PLAIN".to_vec(), bytes);
    let response = match said.option("response") {
        Some(response) if response.starts_with('{') => table(inner_words(response)),
        Some(response) => bytes(response),
        None => b"\0guest\0guest".to_vec(),
    };
    let properties = said.table();
    let mut payload = Payload::method(10, 11).text(&properties);
    payload = payload.name(&mechanism).text(&response);
    payload.name(b"en_US")
}

fn inner_words(table: &str) -> Vec<&str> {
    table[1..table.len() - 1].split(',').map(str::trim).collect()
}

fn exchange(name: &str, said: &mut Words<'_>) -> Payload {
    const DECLARE: &[&str] = &["passive", "durable", "auto-delete", "internal", "nowait"];
    let (first, method) = (said.next(), |id| Payload::method(40, id).ticket());
    match name {
        "exchange.declare" => {
            let payload = method(10).name(&first).name(&said.next()).bits(said, DECLARE);
            payload.text(&said.table())
        }
        "exchange.delete" => method(20).name(&first).bits(said, &["if-unused", "nowait"]),
        "exchange.bind" | "exchange.unbind" => {
            let id = if name == "exchange.bind" { 30 } else { 40 };
            let payload =
                method(id).name(&first).name(&said.next()).name(&said.next()).bits(said, &["nowait"]);
            payload.text(&said.table())
        }
        _ => panic!("no such method: {name}"),
    }
}

fn queue(name: &str, said: &mut Words<'_>) -> Payload {
    const DECLARE: &[&str] = &["passive", "durable", "exclusive", "auto-delete", "nowait"];
    let (first, method) = (said.next(), |id| Payload::method(50, id).ticket());
    match name {
        "queue.declare" => {
            let payload = method(10).name(&first).bits(said, DECLARE);
            payload.text(&said.table())
        }
        "queue.bind" => {
            let payload =
                method(20).name(&first).name(&said.next()).name(&said.next()).bits(said, &["nowait"]);
            payload.text(&said.table())
        }
        "queue.unbind" => {
            let payload = method(50).name(&first).name(&said.next()).name(&said.next());
            payload.text(&said.table())
        }
        "queue.purge" => method(30).name(&first).bits(said, &["nowait"]),
        "queue.delete" => method(40).name(&first).bits(said, &["if-unused", "if-empty", "nowait"]),
        _ => panic!("no such method: {name}"),
    }
}

fn basic(name: &str, said: &mut Words<'_>) -> Payload {
    let method = |id| Payload::method(60, id);
    match name {
        "qos" => {
            let count = said.number();
            method(10).long(said.option_number("size", 0)).short(count).bits(said, &["global"])
        }
        "consume" => {
            let payload = method(20).ticket().name(&said.next()).name(&said.next());
            let payload = payload.bits(said, &["no-local", "no-ack", "exclusive", "nowait"]);
            payload.text(&said.table())
        }
        "cancel" => method(30).name(&said.next()).bits(said, &["nowait"]),
        "cancel-ok" => method(31).name(&said.next()),
        // The method alone; `publish` is the whole content.
        "publish-method" => {
            let payload = method(40).ticket().name(&said.next()).name(&said.next());
            payload.bits(said, &["mandatory", "immediate"])
        }
        "get" => method(70).ticket().name(&said.next()).bits(said, &["no-ack"]),
        "ack" => method(80).tag(said.number()).bits(said, &["multiple"]),
        "nack" => method(120).tag(said.number()).bits(said, &["multiple", "requeue"]),
        "reject" => method(90).tag(said.number()).bits(said, &["requeue"]),
        "recover" => method(110).bits(said, &["requeue"]),
        "recover-async" => method(100).bits(said, &["requeue"]),
        _ => panic!("no such command: {name}"),
    }
}
