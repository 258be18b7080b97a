//! A value as RabbitMQ's tools know it: JSON, and what only Erlang tells apart.
//!
//! The API says strings where Erlang has atoms and process ids, and objects where AMQP has tables with types.
//! Which one it was is known by the column, not by the value.

use serde_json::{Map, Value};

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A string, a number, a bool; null for what there is not.
    Plain(Value),
    /// A name that is not text to Erlang: a node, a tag, a state.
    Atom(String),
    /// A table of arguments, with the types of AMQP.
    Arguments(Map<String, Value>),
    /// A map.
    Map(Map<String, Value>),
    /// Strings or atoms.
    List(Vec<Term>),
    /// Pairs of atoms.
    Pairs(Vec<(String, String)>),
    /// Numbers with a fixed place each: an IPv4 address, a protocol's version.
    Tuple(Vec<u64>),
    /// Who in the broker it is.
    Pid(String),
}

/// How a column's JSON is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it is.
    Plain,
    /// An atom where it is a string.
    Atom,
    /// A table of arguments.
    Arguments,
    /// A map.
    Map,
    /// A list of strings.
    Texts,
    /// A list of atoms.
    Atoms,
    /// An object of atoms.
    Pairs,
    /// An IP address.
    Address,
    /// `AMQP 0-9-1`.
    Protocol,
    /// The name of what has a process in RabbitMQ.
    Pid,
    /// JSON, as text.
    Json,
    /// What a binding comes from, which the API does not say: it is always an exchange.
    Source,
}

impl Kind {
    /// The term of `value`; what is not as the kind says stays as it is.
    pub fn term(self, value: &Value) -> Term {
        match (self, value) {
            (Self::Atom, Value::String(text)) => Term::Atom(text.clone()),
            (Self::Arguments, Value::Object(map)) => Term::Arguments(map.clone()),
            // RabbitMQ's API says an empty table as an empty list.
            (Self::Arguments, Value::Array(_)) => Term::Arguments(Map::new()),
            (Self::Map, Value::Object(map)) => Term::Map(map.clone()),
            (Self::Map, Value::Array(list)) if list.is_empty() => Term::Map(Map::new()),
            (Self::Texts, Value::Array(list)) => Term::List(list.iter().cloned().map(Term::Plain).collect()),
            (Self::Atoms, Value::Array(list)) => {
                Term::List(list.iter().map(|item| Self::Atom.term(item)).collect())
            }
            (Self::Pairs, Value::Object(map)) => {
                Term::Pairs(map.iter().map(|(name, value)| (name.clone(), text(value))).collect())
            }
            (Self::Address, Value::String(text)) => address(text),
            (Self::Protocol, Value::String(text)) => protocol(text),
            (Self::Pid, Value::String(name)) => Term::Pid(pid(name)),
            (Self::Source, _) => Term::Atom("exchange".to_owned()),
            (Self::Json, value) => Term::Plain(Value::String(value.to_string())),
            (_, value) => Term::Plain(value.clone()),
        }
    }
}

/// What AMQP calls the type of a value of an argument table, as far as JSON knows it.
pub fn amqp_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "void",
        Value::Bool(_) => "bool",
        Value::Number(number) => match number.as_i64() {
            Some(whole) if i32::try_from(whole).is_ok() => "signedint",
            Some(_) => "long",
            None => "double",
        },
        Value::String(_) => "longstr",
        Value::Array(_) => "array",
        Value::Object(_) => "table",
    }
}

/// A string without its quotes, and nothing for null.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// What stands where RabbitMQ has a process id: the same for the same name, and nothing else's, as far as 64 bits go.
///
/// Scripts take it from a listing and hand it to `close_connection`.
pub fn pid(name: &str) -> String {
    // FNV-1a: no more is asked of it than to be the same in every process.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("<{}.{}.0>", hash >> 32, hash & 0xffff_ffff)
}

fn address(text: &str) -> Term {
    match text.parse() {
        Ok(std::net::IpAddr::V4(v4)) => Term::Tuple(v4.octets().iter().copied().map(u64::from).collect()),
        _ => Term::Plain(Value::String(text.to_owned())),
    }
}

fn protocol(text: &str) -> Term {
    let version = text.strip_prefix("AMQP ");
    let digits = version.map(|version| version.split('-').map(str::parse).collect::<Result<Vec<u64>, _>>());
    match digits {
        Some(Ok(digits)) => Term::Tuple(digits),
        _ => Term::Plain(Value::String(text.to_owned())),
    }
}
