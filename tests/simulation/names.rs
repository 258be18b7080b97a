//! What there may be: a few queues, exchanges and keys, the same in every world.
//!
//! A name says what it is: whether an entity is durable and of which type never changes, so that a declaration
//! is refused only when this broker is wrong.

/// A name of an entity, or a routing key.
pub type Name = &'static str;

/// A queue that may be declared.
#[derive(Clone, Copy, Debug)]
pub struct QueueKind {
    pub name: Name,
    pub durable: bool,
    /// `x-message-ttl`.
    pub ttl_millis: Option<u64>,
    /// `x-expires`.
    pub expires_millis: Option<u64>,
    /// `x-max-length`.
    pub max_length: Option<u64>,
    /// `x-max-priority`; of a quorum queue, what it has without asking.
    pub max_priority: u8,
    /// `x-delivery-limit`, of a quorum queue: all others are classic.
    pub delivery_limit: Option<u64>,
    /// Whether what it gives up goes to the morgue.
    pub buries: bool,
}

const PLAIN: QueueKind = QueueKind {
    name: "",
    durable: true,
    ttl_millis: None,
    expires_millis: None,
    max_length: None,
    max_priority: 0,
    delivery_limit: None,
    buries: false,
};

/// Where dead letters go, and nothing else; it is always there.
pub const MORGUE: Name = "morgue";

/// All of them; the morgue is the first.
pub const QUEUES: &[QueueKind] = &[
    QueueKind { name: MORGUE, ..PLAIN },
    QueueKind { name: "stock", ..PLAIN },
    QueueKind { name: "bills", ..PLAIN },
    QueueKind { name: "mail", buries: true, ..PLAIN },
    QueueKind { name: "news", ttl_millis: Some(4000), ..PLAIN },
    QueueKind { name: "ticks", durable: false, ..PLAIN },
    QueueKind { name: "ranks", max_priority: 3, ..PLAIN },
    QueueKind { name: "milk", ttl_millis: Some(2000), max_priority: 2, buries: true, ..PLAIN },
    QueueKind { name: "shelf", max_length: Some(6), buries: true, ..PLAIN },
    QueueKind { name: "raft", max_priority: 31, delivery_limit: Some(1), buries: true, ..PLAIN },
    QueueKind { name: "lease", expires_millis: Some(6000), ..PLAIN },
];

impl QueueKind {
    pub fn is_quorum(&self) -> bool {
        self.delivery_limit.is_some()
    }

    /// How far up messages of this priority stand.
    pub fn level(&self, priority: Option<u8>) -> u8 {
        priority.unwrap_or(if self.is_quorum() { 4 } else { 0 }).min(self.max_priority)
    }
}

/// How an exchange routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    Direct,
    Fanout,
    Topic,
}

/// An exchange that may be declared.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeKind {
    pub name: Name,
    pub routing: Routing,
    pub durable: bool,
}

/// All of them.
pub const EXCHANGES: &[ExchangeKind] = &[
    ExchangeKind { name: "orders", routing: Routing::Direct, durable: true },
    ExchangeKind { name: "all", routing: Routing::Fanout, durable: true },
    ExchangeKind { name: "events", routing: Routing::Topic, durable: true },
    ExchangeKind { name: "brief", routing: Routing::Fanout, durable: false },
];

/// What messages are published with.
pub const KEYS: &[Name] = &["a", "b", "a.b", "b.a"];

/// What bindings are made with; patterns for a topic exchange, words for the others.
pub const PATTERNS: &[Name] = &["a", "b", "#", "*.b", "a.#"];

pub fn queue(name: Name) -> QueueKind {
    *QUEUES.iter().find(|kind| kind.name == name).unwrap()
}

pub fn exchange(name: Name) -> ExchangeKind {
    *EXCHANGES.iter().find(|kind| kind.name == name).unwrap()
}

/// One of the names above, as it came from elsewhere.
pub fn known(text: &str) -> Option<Name> {
    let queues = QUEUES.iter().map(|kind| kind.name);
    let exchanges = EXCHANGES.iter().map(|kind| kind.name);
    let keys = KEYS.iter().chain(PATTERNS).copied();
    queues.chain(exchanges).chain(keys).find(|name| *name == text)
}

impl Routing {
    pub fn name(self) -> Name {
        match self {
            Self::Direct => "direct",
            Self::Fanout => "fanout",
            Self::Topic => "topic",
        }
    }

    /// Whether a binding with `pattern` takes `key`.
    pub fn takes(self, pattern: &str, key: &str) -> bool {
        match self {
            Self::Direct => pattern == key,
            Self::Fanout => true,
            Self::Topic => {
                let words = |text: &'_ str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
                matches(&words(pattern), &words(key))
            }
        }
    }
}

fn matches(pattern: &[String], key: &[String]) -> bool {
    match (pattern.split_first(), key.split_first()) {
        (None, None) => true,
        (Some((word, rest)), _) if word == "#" => {
            matches(rest, key) || key.split_first().is_some_and(|(_, shorter)| matches(pattern, shorter))
        }
        (Some((word, rest)), Some((first, others))) => {
            (word == "*" || word == first) && matches(rest, others)
        }
        _ => false,
    }
}
