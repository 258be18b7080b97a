//! What passes, and how.

use std::fmt;

use super::speak;

/// What a session reads at most.
pub const READ_BYTES: usize = 256 * 1024;
/// The name of every consumer.
pub const CONSUMER_TAG: &str = "ctag1.0";

/// Bindings of a topic exchange beside the one that matches.
const IDLE_BINDINGS: usize = 10_000;
const FAN_OUT: usize = 10;
/// More does not come in one read: what a consumer that acknowledges has at most.
const PREFETCH: u64 = 100;

/// A way that messages go.
#[derive(Debug)]
pub struct Case {
    /// What the table of instructions calls it.
    pub name: &'static str,
    body_bytes: usize,
    /// The most that comes in one read.
    per_read: u64,
    route: Route,
    pub acks: Acks,
    /// To a durable queue, with confirms.
    pub is_persistent: bool,
}

/// From the producer to how many queues.
#[derive(Clone, Copy, Debug)]
enum Route {
    /// By the default exchange.
    Queue,
    /// To ten queues, each with a consumer of its own connection.
    FanOut,
    /// By an exchange with ten thousand bindings that do not match.
    Topic,
}

/// What a consumer says to what it hears.
#[derive(Clone, Copy, Debug)]
pub enum Acks {
    /// Nothing: the broker takes it as acknowledged.
    None,
    /// An acknowledgement for each.
    Each,
    /// One for all of a read.
    Together,
}

/// What the others differ from.
const SMALL: Case = Case {
    name: "16B",
    body_bytes: 16,
    per_read: PREFETCH,
    route: Route::Queue,
    acks: Acks::None,
    is_persistent: false,
};

/// Everything that is measured.
pub const CASES: &[Case] = &[
    SMALL,
    // The whole turn for one message: what a lightly loaded broker does.
    Case { name: "16B-alone", per_read: 1, ..SMALL },
    Case { name: "1KiB", body_bytes: 1024, ..SMALL },
    Case { name: "1KiB-ack-each", body_bytes: 1024, acks: Acks::Each, ..SMALL },
    Case {
        name: "1KiB-persistent-confirmed",
        body_bytes: 1024,
        acks: Acks::Together,
        is_persistent: true,
        ..SMALL
    },
    Case { name: "16B-fanout-10", route: Route::FanOut, ..SMALL },
    Case { name: "16B-topic-10k", route: Route::Topic, ..SMALL },
    Case { name: "4KiB", body_bytes: 4 * 1024, ..SMALL },
    Case { name: "64KiB", body_bytes: 64 * 1024, ..SMALL },
];

impl Case {
    /// The frames of one message.
    pub fn publish(&self) -> Vec<u8> {
        let (exchange, key) = self.address();
        let properties = if self.is_persistent { "persistent" } else { "" };
        let body = String::from_utf8(self.body()).unwrap();
        speak::speak(1, &format!("publish '{exchange}' '{key}' {body} {properties}"))
    }

    pub fn body(&self) -> Vec<u8> {
        vec![b'x'; self.body_bytes]
    }

    /// Exchange and routing key.
    pub fn address(&self) -> (&'static str, &'static str) {
        match self.route {
            Route::Queue => ("", "q0"),
            Route::FanOut => ("orders", ""),
            Route::Topic => ("orders", "eu.de.new"),
        }
    }

    /// As many as fit into one read, whole.
    pub fn messages_per_read(&self) -> u64 {
        let fitting = READ_BYTES / self.publish().len();
        u64::try_from(fitting).unwrap().clamp(1, self.per_read)
    }

    pub fn consumers(&self) -> usize {
        match self.route {
            Route::FanOut => FAN_OUT,
            Route::Queue | Route::Topic => 1,
        }
    }

    /// What the producer says first.
    pub fn set_up(&self) -> Vec<String> {
        let kind = if self.is_persistent { "durable" } else { "" };
        let mut commands: Vec<String> =
            (0..self.consumers()).map(|queue| format!("queue.declare q{queue} {kind}")).collect();
        match self.route {
            Route::Queue => {}
            Route::FanOut => {
                commands.push("exchange.declare orders fanout".to_owned());
                commands.extend((0..FAN_OUT).map(|queue| format!("queue.bind q{queue} orders ''")));
            }
            Route::Topic => {
                commands.push("exchange.declare orders topic".to_owned());
                commands.push("queue.declare idle".to_owned());
                commands.extend((0..IDLE_BINDINGS).map(|n| format!("queue.bind idle orders {}", idle(n))));
                commands.push("queue.bind q0 orders eu.*.new".to_owned());
            }
        }
        if self.is_persistent {
            commands.push("confirm.select".to_owned());
        }
        commands
    }

    /// What the consumer of a queue says first.
    pub fn consume(&self, queue: usize) -> Vec<String> {
        let consume = format!("consume q{queue} {CONSUMER_TAG}");
        match self.acks {
            Acks::None => vec![format!("{consume} no-ack")],
            Acks::Each | Acks::Together => vec![format!("qos {PREFETCH}"), consume],
        }
    }
}

/// A binding that does not match, in each of the shapes that bindings have.
fn idle(number: usize) -> String {
    match number % 4 {
        0 => format!("eu.fr.{number}"),
        1 => format!("eu.*.{number}"),
        2 => format!("us.{number}.#"),
        _ => format!("*.{number}.new"),
    }
}

impl fmt::Display for Case {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name)
    }
}
