//! Peers that lie, break off, flood, or have never read the specification: whatever they do to themselves,
//! the broker serves the next one.

use std::time::Duration;

use leveret::{Broker, Clock, ManualClock, Timestamp};
use leveret_codec::method::{Method, basic, connection, queue};
use leveret_codec::{MethodId, PROTOCOL_HEADER};

use crate::negotiation::whole_conversation;
use crate::said::{assert_serves, witness};
use crate::say;
use crate::support::{self, Frame, Peer, open_vhost, publish, start_ok, tune_ok};

/// How far a peer has behaved.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum After {
    Nothing,
    Header,
    StartOk,
    TuneOk,
    Open,
    ChannelOpen,
    Publish,
    ContentHeader,
}

/// What must become of it.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// connection.close with this code.
    Closed(u16),
    /// The end of the stream, at the latest after the ten seconds of a handshake; with or without a word.
    Dropped,
    /// Nothing: a channel can be opened and used.
    Served,
}
use After as A;
use Fate::{Closed, Dropped, Served};

/// A broker to be attacked, and somebody who is to notice nothing.
struct Siege {
    broker: Broker,
    clock: ManualClock,
    witness: Peer,
}

impl Siege {
    async fn begin() -> Self {
        let clock = Clock::manual(Timestamp::from_micros(0));
        let broker = support::start(Broker::builder().clock(&clock)).await;
        let witness = witness(&broker).await;
        Self { broker, clock, witness }
    }

    /// A peer that behaves for a while.
    async fn peer(&self, after: After) -> Peer {
        let mut peer = Peer::connect(self.broker.amqp_addr()).await;
        if A::Header <= after {
            peer.send_bytes(&PROTOCOL_HEADER).await;
            peer.method(0).await;
        }
        if A::StartOk <= after {
            peer.ask(0, start_ok("guest", "guest")).await;
        }
        if A::TuneOk <= after {
            peer.send(0, tune_ok(0)).await;
        }
        if A::Open <= after {
            peer.ask(0, open_vhost("/")).await;
        }
        if A::ChannelOpen <= after {
            peer.ask(1, say::open_channel()).await;
        }
        if A::Publish <= after {
            peer.send(1, say::publish("witnessed")).await;
        }
        if A::ContentHeader <= after {
            peer.send_bytes(&say::header(1, 10)).await;
        }
        peer
    }

    /// One short conversation.
    async fn attack(&mut self, what: &str, after: After, said: &[u8], fate: Fate) {
        println!("{what}, after {after:?}");
        let mut peer = self.peer(after).await;
        self.say(&mut peer, said).await;
        match fate {
            Closed(code) => {
                let (was, text) = closed_with(&mut peer).await;
                assert_eq!(was, code, "{what}: {text}");
            }
            Dropped => {
                self.clock.advance(Duration::from_secs(10));
                peer.until_end().await;
            }
            Served => {
                let ok = peer.ask(9, say::open_channel()).await;
                assert!(matches!(ok, Method::Channel(_)), "{what}: {ok:?}");
                assert_serves_on(&mut peer, 9).await;
            }
        }
        drop(peer);
        assert_serves(&mut self.witness).await;
    }

    /// Sends as much as is taken: a broker that has had enough may take no more.
    async fn say(&mut self, peer: &mut Peer, said: &[u8]) {
        let (mut sent, mut idle) = (0, 0);
        while sent < said.len() && idle < 20 {
            let count = peer.send_what_fits(&said[sent..]);
            sent += count;
            idle = if count == 0 { idle + 1 } else { 0 };
            self.witness.settle().await;
        }
        self.witness.settle().await;
    }

    async fn attacks(&mut self, after: After, attacks: Vec<(&str, Vec<u8>, Fate)>) {
        for (what, said, fate) in attacks {
            self.attack(what, after, &said, fate).await;
        }
    }
}

async fn assert_serves_on(peer: &mut Peer, channel: u16) {
    peer.declare(channel, "siege").await;
    peer.publish(channel, "siege", b"alive").await;
    assert_eq!(peer.get(channel, "siege").await.as_deref(), Some(b"alive".as_slice()));
}

/// Whatever comes first, a connection.close comes.
async fn closed_with(peer: &mut Peer) -> (u16, String) {
    loop {
        if let Frame::Method(0, method) = peer.frame().await
            && let Method::Connection(connection::AMQPMethod::Close(close)) = *method
        {
            return (close.reply_code, close.reply_text.to_string());
        }
    }
}

/// A method with arguments as they please.
fn method(channel: u16, class: u8, method: u8, arguments: &[u8]) -> Vec<u8> {
    say::frame(1, channel, &[&[0, class, 0, method], arguments].concat())
}

/// Tables within tables, so many deep, whose lengths fit.
fn nest(depth: usize) -> Vec<u8> {
    let mut table = Vec::new();
    for _ in 0..depth {
        let length = u32::try_from(table.len()).unwrap().to_be_bytes();
        table = [&[1, b'k', b'F'][..], &length, &table].concat();
    }
    [&u32::try_from(table.len()).unwrap().to_be_bytes()[..], &table].concat()
}

/// queue.declare of `q` with these bytes for its arguments.
fn declare_with(table: &[u8]) -> Vec<u8> {
    method(1, 50, 10, &[&[0, 0, 1, b'q', 0][..], table].concat())
}

/// A content header of class 60 from the body's size on.
fn content_header(rest: &[u8]) -> Vec<u8> {
    say::frame(2, 1, &[&[0, 60, 0, 0][..], rest].concat())
}

#[tokio::test]
async fn strangers() {
    let mut siege = Siege::begin().await;
    let attacks = vec![
        ("nothing at all", Vec::new(), Dropped),
        ("half a header", b"AMQP\0\0".to_vec(), Dropped),
        ("a megabyte of zeros", vec![0; 1 << 20], Dropped),
        ("a megabyte of letters", vec![b'A'; 1 << 20], Dropped),
        ("the header, endlessly", PROTOCOL_HEADER.repeat(50_000), Dropped),
        ("a frame before the header", say::bytes(0, &start_ok("guest", "guest")), Dropped),
    ];
    siege.attacks(A::Nothing, attacks).await;
    let ok = start_ok("guest", "guest");
    let length_lies = |at: usize| {
        let mut said = say::bytes(0, &ok);
        said[at] = 0xff;
        said
    };
    let start_ok_with =
        |properties: &[u8]| method(0, 10, 11, &[properties, b"\x05PLAIN\0\0\0\x0c\0guest\0guest\0"].concat());
    let attacks = vec![
        ("open before login", say::bytes(0, &open_vhost("/")), Dropped),
        ("tune-ok before login", say::bytes(0, &tune_ok(0)), Dropped),
        ("a channel before login", say::bytes(1, &say::open_channel()), Dropped),
        ("a body before login", say::body(1, b"hello"), Dropped),
        ("a publish before login", publish(1, "witnessed", b"hello").to_vec(), Dropped),
        ("start-ok cut short", method(0, 10, 11, &[0, 0]), Dropped),
        ("start-ok with a table longer than its frame", length_lies(11), Dropped),
        ("start-ok with a table of half the memory", length_lies(12), Dropped),
        ("start-ok with tables a thousand deep", start_ok_with(&nest(1000)), Dropped),
        ("start-ok of nine kilobytes", start_ok_with(&nest(1300)), Dropped),
        ("the broker's own method", method(0, 10, 10, &[0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Dropped),
        ("an announcement of four gigabytes", vec![1, 0, 0, 0xff, 0xff, 0xff, 0xff], Dropped),
        ("an announcement that is not kept", vec![1, 0, 0, 0, 0, 0x1f, 0xff, 0, 10], Dropped),
        ("heartbeats without end", say::HEARTBEAT.repeat(50_000), Dropped),
        ("close instead of start-ok", say::bytes(0, &say::close()), Dropped),
        ("secure-ok that nobody asked for", method(0, 10, 21, &[0, 0, 0, 0]), Dropped),
    ];
    siege.attacks(A::Header, attacks).await;
}

#[tokio::test]
async fn guests_that_do_not_finish_coming_in() {
    let mut siege = Siege::begin().await;
    let tune_ok = |channels: u16, frame: u32| {
        let ok = connection::TuneOk { channel_max: channels, frame_max: frame, heartbeat: 0 };
        say::bytes(0, &Method::Connection(connection::AMQPMethod::TuneOk(ok)))
    };
    let attacks = vec![
        ("a second login", say::bytes(0, &start_ok("guest", "guest")), Closed(504)),
        ("open before tune-ok", say::bytes(0, &open_vhost("/")), Closed(504)),
        ("frames of one byte", tune_ok(0, 1), Closed(530)),
        ("frames of four gigabytes", tune_ok(0, u32::MAX), Closed(530)),
        ("all the channels there could be", tune_ok(u16::MAX, 0), Closed(530)),
        ("tune-ok cut short", method(0, 10, 31, &[0, 1]), Dropped),
        ("a frame larger than strangers may send", vec![1, 0, 0, 0, 1, 0, 0], Dropped),
    ];
    siege.attacks(A::StartOk, attacks).await;
    let open_of_no_text = method(0, 10, 40, &[&[255][..], &[0xff; 255], &[0, 0]].concat());
    let attacks = vec![
        ("a channel before open", say::bytes(1, &say::open_channel()), Closed(505)),
        ("tune-ok again", tune_ok(0, 0), Closed(504)),
        ("a virtual host that is no text", open_of_no_text, Dropped),
        ("open twice", say::bytes(0, &open_vhost("/")).repeat(2), Closed(504)),
    ];
    siege.attacks(A::TuneOk, attacks).await;
}

#[tokio::test]
async fn clients_that_do_not_keep_to_frames() {
    let mut siege = Siege::begin().await;
    let attacks = vec![
        ("a method of class queue on channel 0", say::bytes(0, &support::declare("q")), Closed(504)),
        ("type 0", say::frame(0, 0, b""), Closed(501)),
        ("type 255", say::frame(255, 1, b"abc"), Closed(501)),
        ("an announcement of four gigabytes", vec![3, 0, 1, 0xff, 0xff, 0xff, 0xff], Closed(501)),
        ("an empty method", say::frame(1, 0, b""), Closed(501)),
        ("three bytes of a method", say::frame(1, 1, &[0, 20, 0]), Closed(501)),
        ("a class that does not exist", method(0, 77, 10, b""), Closed(503)),
        ("a method that does not exist", method(0, 10, 99, b""), Closed(503)),
        ("an end that is none", [&say::bytes(0, &say::close())[..15], &[0; 100]].concat(), Closed(501)),
        ("a body on a channel that is not open", say::body(4, b"hello"), Closed(505)),
        ("a header on a channel that is not open", say::header(4, 5), Closed(505)),
        ("a publish on a channel that is not open", publish(u16::MAX, "q", b"").to_vec(), Closed(504)),
        ("close-ok that nobody asked for", method(0, 10, 51, b""), Closed(504)),
        ("a megabyte of zeros", vec![0; 1 << 20], Closed(501)),
        ("a megabyte of ones", vec![0xff; 1 << 20], Closed(501)),
        ("the header once more", PROTOCOL_HEADER.to_vec(), Closed(501)),
        ("a request for a page", b"GET / HTTP/1.1\r\n\r\n".to_vec(), Closed(501)),
        ("a thousand heartbeats", say::HEARTBEAT.repeat(1000), Served),
    ];
    siege.attacks(A::Open, attacks).await;
}

#[tokio::test]
async fn clients_that_lie_in_their_arguments() {
    let mut siege = Siege::begin().await;
    let attacks = vec![
        ("a table longer than its frame", declare_with(&[0, 0, 0, 99, 1, b'k']), Closed(501)),
        ("a table of four gigabytes", declare_with(&[0xff; 4]), Closed(501)),
        ("tables three thousand deep", declare_with(&nest(3000)), Closed(502)),
        ("tables fifteen thousand deep", declare_with(&nest(15_000)), Closed(502)),
        ("a key longer than its table", declare_with(&[0, 0, 0, 3, 200, b'k', b't']), Closed(502)),
        ("a value of no known type", declare_with(&[0, 0, 0, 3, 1, b'k', b'?']), Closed(502)),
        (
            "a string longer than its table",
            declare_with(&[0, 0, 0, 7, 1, b'k', b'S', 0xff, 0xff, 0xff, 0xff]),
            Closed(502),
        ),
        (
            "an array longer than its table",
            declare_with(&[0, 0, 0, 7, 1, b'k', b'A', 0, 0, 0, 9]),
            Closed(502),
        ),
        ("a name that is no text", method(1, 50, 10, &[0, 0, 2, 0xc3, 0x28, 0, 0, 0, 0, 0]), Closed(501)),
        ("a name longer than its frame", method(1, 50, 10, &[0, 0, 255, b'q']), Closed(501)),
        ("arguments too many", method(1, 20, 40, &[0; 300]), Closed(501)),
        ("an ack cut short", method(1, 60, 80, &[0, 0]), Closed(501)),
        ("a publish cut short", method(1, 60, 40, &[0, 0, 9, b'x']), Closed(501)),
        ("what only the broker says", method(1, 60, 60, &[0; 12]), Closed(503)),
        ("a class that does not exist", method(1, 200, 1, b""), Closed(503)),
        ("a connection's method", say::bytes(1, &say::close()), Closed(503)),
        ("a channel that is open already", say::bytes(1, &say::open_channel()), Closed(504)),
        ("a header out of nowhere", say::header(1, 10), Closed(505)),
        ("a body out of nowhere", say::body(1, b"hello"), Closed(505)),
    ];
    siege.attacks(A::ChannelOpen, attacks).await;
}

#[tokio::test]
async fn clients_that_lie_in_their_contents() {
    let mut siege = Siege::begin().await;
    let attacks = vec![
        ("another publish", publish(1, "q", b"hello").to_vec(), Closed(505)),
        ("a body", say::body(1, b"hello"), Closed(505)),
        ("a close", say::bytes(1, &say::close_channel()), Closed(505)),
        (
            "a header of another class",
            say::frame(2, 1, &[0, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0]),
            Closed(505),
        ),
        (
            "a header with a weight",
            say::frame(2, 1, &[0, 60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0]),
            Closed(505),
        ),
        ("a body of all the bytes there are", say::header(1, u64::MAX), Closed(501)),
        ("a body of a gigabyte", say::header(1, 1 << 30), Closed(501)),
        ("a header cut short", say::frame(2, 1, &[0, 60, 0, 0, 0, 0]), Closed(501)),
        ("flags that go on for ever", content_header(&[0, 0, 0, 0, 0, 0, 0, 5, 0xff, 0xff]), Closed(502)),
        ("properties that are not there", content_header(&[0, 0, 0, 0, 0, 0, 0, 5, 0xff, 0xfc]), Closed(502)),
        (
            "headers longer than their frame",
            content_header(&[0, 0, 0, 0, 0, 0, 0, 5, 0x20, 0, 0, 0, 1, 0]),
            Closed(502),
        ),
        (
            "headers three thousand deep",
            content_header(&[&[0, 0, 0, 0, 0, 0, 0, 5, 0x20, 0][..], &nest(3000)].concat()),
            Closed(502),
        ),
        ("nothing more", Vec::new(), Served),
        ("an announcement and nothing more", say::header(1, 128 << 20), Served),
    ];
    siege.attacks(A::Publish, attacks).await;
    let attacks = vec![
        ("a body longer than announced", say::body(1, b"hello world"), Closed(501)),
        ("a second header", say::header(1, 10), Closed(505)),
        ("a publish within a body", publish(1, "q", b"hello").to_vec(), Closed(505)),
        ("a get within a body", say::bytes(1, &say::get("witnessed")), Closed(505)),
        ("a hundred thousand times nothing", say::body(1, b"").repeat(100_000), Served),
        ("half of it", say::body(1, b"hello"), Served),
    ];
    siege.attacks(A::ContentHeader, attacks).await;
    // None of it has become a message.
    assert_eq!(siege.witness.get(1, "witnessed").await, None);
}

#[tokio::test]
async fn floods() {
    let mut siege = Siege::begin().await;
    let server_named = queue::Declare { exclusive: true, nowait: true, ..Default::default() };
    let consume = basic::Consume { queue: "witnessed".into(), nowait: true, ..Default::default() };
    let open_and_close = [say::bytes(2, &say::open_channel()), say::bytes(2, &say::close_channel())].concat();
    let all_channels: Vec<u8> =
        (1..=u16::MAX).flat_map(|channel| say::bytes(channel, &say::open_channel())).collect();
    let attacks = vec![
        ("acknowledgements of what was never delivered", say::bytes(1, &say::ack(7, false)).repeat(10_000)),
        ("queues without a name", say::bytes(1, &say::queue(server_named)).repeat(2000)),
        ("publishes to an exchange that is not there", {
            let nowhere = basic::Publish { exchange: "nosuch".into(), ..Default::default() };
            support::publish_as(1, nowhere, &[7; 1000]).repeat(1000)
        }),
        ("publishes to a queue that is not there", publish(1, "nosuch", &[7; 100]).repeat(5000)),
        ("consumers", say::bytes(1, &say::consume(consume)).repeat(500)),
    ];
    for (what, said) in attacks {
        println!("{what}");
        let mut peer = siege.peer(A::ChannelOpen).await;
        siege.say(&mut peer, &said).await;
        // Its first channel may be closed by now; the connection is not.
        peer.send(9, say::open_channel()).await;
        while !matches!(peer.frame().await, Frame::Method(9, _)) {}
        assert_serves_on(&mut peer, 9).await;
        drop(peer);
        assert_serves(&mut siege.witness).await;
    }
    siege.attack("channels opened and never closed", A::Open, &all_channels, Closed(530)).await;
    let mut peer = siege.peer(A::Open).await;
    siege.say(&mut peer, &open_and_close.repeat(5000)).await;
    for _ in 0..10_000 {
        peer.method(2).await;
    }
    siege.attack("and then somebody sensible", A::ChannelOpen, b"", Served).await;
}

#[tokio::test]
async fn every_method_with_nonsense_for_arguments() {
    let mut siege = Siege::begin().await;
    for id in MethodId::ALL {
        for fill in [0, 1, 0x41, 0xff] {
            let mut said = Vec::new();
            for length in [0, 1, 2, 5, 9, 14, 64] {
                let payload =
                    [&id.class.to_be_bytes()[..], &id.method.to_be_bytes(), &vec![fill; length]].concat();
                for channel in [0, 1] {
                    said.push(say::frame(1, channel, &payload));
                }
            }
            for frame in said {
                let mut peer = siege.peer(A::ChannelOpen).await;
                peer.send_bytes(&frame).await;
                peer.crash();
            }
        }
        assert_serves(&mut siege.witness).await;
    }
}

#[tokio::test]
async fn a_conversation_with_any_one_byte_wrong() {
    let mut siege = Siege::begin().await;
    let conversation = whole_conversation();
    for at in 0..conversation.len() {
        for wrong in [0x01, 0x80, 0xff] {
            let mut said = conversation.clone();
            said[at] ^= wrong;
            let mut peer = Peer::connect(siege.broker.amqp_addr()).await;
            peer.send_bytes(&said).await;
            peer.stop_sending().await;
            // Whatever it comes to, it comes to an end.
            peer.until_end().await;
        }
        assert_serves(&mut siege.witness).await;
    }
}
