//! Conversations as text: a name, and under it what is said and what must come. Every line of a script means something.
//!
//! ```text
//! a frame that ends with another byte              a name that reads as a sentence
//!     after open                                   how far the peer behaves; without this line, until its channel 1 is open
//!     > queue.declare q                            said on channel 1 (`7>` on channel 7), commands of one write between ` ; `
//!     0< connection.close 501 0.0 FRAME_ERROR…     what comes next, on channel 0; `…` is any rest
//!     here < …  /  there < …                       what leveret says, and what RabbitMQ says instead
//!     because …                                    why it does not say the same
//!     +3s                                          time passes
//!     ends  /  ends after 3s                       the broker closes the socket: now, or then and not before
//!     stops sending                                the peer half-closes its socket
//!     is dropped                                   the peer is gone without a word; nothing more is expected
//! ```
//!
//! A conversation that came to a connection.close goes on by itself: the peer says close-ok, and the socket must be
//! closed. Any other that is not said to end must be served still, with nothing unexpected before. Names that begin with
//! `hostile-` belong to one conversation.

use std::time::Duration;

/// One conversation of a chapter.
pub struct Conversation<'a> {
    pub name: &'a str,
    pub after: After,
    pub steps: Vec<Step<'a>>,
}

/// How far a peer behaves.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum After {
    Nothing,
    Header,
    StartOk,
    TuneOk,
    Open,
    Channel,
    Publish,
    ContentHeader,
}

/// Whose answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Both,
    Leveret,
    RabbitMq,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step<'a> {
    Say { channel: u16, commands: &'a str },
    Expect { whose: Whose, channel: u16, line: &'a str },
    Wait(Duration),
    End { whose: Whose, after: Duration },
    StopSending,
    Drop,
}

/// The conversations of a chapter; the text that is wrong fails the test.
pub fn read(text: &str) -> Vec<Conversation<'_>> {
    let mut conversations: Vec<Conversation<'_>> = Vec::new();
    let mut reasons = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if !line.starts_with(' ') {
            assert_reasoned(conversations.last(), reasons);
            reasons = 0;
            conversations.push(Conversation { name: line, after: After::Channel, steps: Vec::new() });
            continue;
        }
        let conversation = conversations.last_mut().expect("a name comes before what is said");
        match line.trim().split_once(' ').unwrap_or((line.trim(), "")) {
            ("after", how_far) => conversation.after = after(how_far),
            ("because", reason) => reasons += usize::from(!reason.is_empty()),
            _ => conversation.steps.push(step(line.trim())),
        }
    }
    assert_reasoned(conversations.last(), reasons);
    conversations
}

/// Where the two brokers differ, it is said why.
fn assert_reasoned(conversation: Option<&Conversation<'_>>, reasons: usize) {
    let Some(conversation) = conversation else { return };
    let differs = conversation.steps.iter().any(
        |step| matches!(step, Step::Expect { whose, .. } | Step::End { whose, .. } if *whose != Whose::Both),
    );
    assert_eq!(differs, reasons == 1, "{}: a difference has one reason", conversation.name);
}

fn after(how_far: &str) -> After {
    match how_far {
        "nothing" => After::Nothing,
        "header" => After::Header,
        "start-ok" => After::StartOk,
        "tune-ok" => After::TuneOk,
        "open" => After::Open,
        "publish" => After::Publish,
        "content-header" => After::ContentHeader,
        other => panic!("nobody behaves until {other}"),
    }
}

fn step(line: &str) -> Step<'_> {
    match line {
        "stops sending" => return Step::StopSending,
        "is dropped" => return Step::Drop,
        _ => {}
    }
    if let Some(time) = line.strip_prefix('+') {
        return Step::Wait(duration(time));
    }
    let (whose, line) = match line.split_once(' ') {
        Some(("here", line)) => (Whose::Leveret, line),
        Some(("there", line)) => (Whose::RabbitMq, line),
        _ => (Whose::Both, line),
    };
    if let Some(rest) = line.strip_prefix("ends") {
        let after = rest.strip_prefix(" after ").map_or(Duration::ZERO, duration);
        return Step::End { whose, after };
    }
    let at = line.find(['<', '>']).unwrap_or_else(|| panic!("what does this line mean? {line}"));
    let channel = if at == 0 { 1 } else { line[..at].parse().expect("a channel's number") };
    let text = line[at + 1..].trim();
    if line[at..].starts_with('>') {
        assert_eq!(whose, Whose::Both, "the same is said to both");
        return Step::Say { channel, commands: text };
    }
    Step::Expect { whose, channel, line: text }
}

fn duration(text: &str) -> Duration {
    let at = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..at].parse().expect("a number");
    match &text[at..] {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        other => panic!("{other:?} is no unit of time (ms, s)"),
    }
}
