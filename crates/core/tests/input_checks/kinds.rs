//! The queues of a program, each of a kind of its own.

/// What a queue does with messages besides keeping them.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    /// The words after its name in queue.declare.
    pub words: &'static str,
    pub ttl_millis: Option<u64>,
    pub max_length: Option<usize>,
    /// What is over the length is refused instead of the head being dropped.
    pub rejects: bool,
    /// What leaves it unsettled goes to [`DEAD`].
    pub dead_letters: bool,
    pub max_priority: u8,
    pub single_active: bool,
    /// Whether the fanout exchange may reach it.
    pub is_bindable: bool,
}

const PLAIN: Kind = Kind {
    name: "plain",
    words: "durable",
    ttl_millis: None,
    max_length: None,
    rejects: false,
    dead_letters: false,
    max_priority: 0,
    single_active: false,
    is_bindable: true,
};

pub const KINDS: &[Kind] = &[
    PLAIN,
    Kind {
        name: "brief",
        words: "durable x-message-ttl=50 x-dead-letter-exchange='' x-dead-letter-routing-key=dead",
        ttl_millis: Some(50),
        dead_letters: true,
        is_bindable: false,
        ..PLAIN
    },
    Kind {
        name: "short",
        words: "durable x-max-length=3 x-dead-letter-exchange='' x-dead-letter-routing-key=dead",
        max_length: Some(3),
        dead_letters: true,
        is_bindable: false,
        ..PLAIN
    },
    Kind {
        name: "full",
        words: "durable x-max-length=2 x-overflow=reject-publish",
        max_length: Some(2),
        rejects: true,
        ..PLAIN
    },
    Kind { name: "ranked", words: "durable x-max-priority=3", max_priority: 3, ..PLAIN },
    Kind { name: "single", words: "durable x-single-active-consumer=true", single_active: true, ..PLAIN },
    Kind { name: "dead", words: "durable", is_bindable: false, ..PLAIN },
];

/// The queue that dead letters go to; it comes last.
pub const DEAD: usize = KINDS.len() - 1;
