//! What an operator says where JSON would be said: values of policies and limits, without JSON.
//!
//! Its text is that of an Erlang term, for that is how RabbitMQ's refusals show it.

use std::collections::BTreeMap;
use std::fmt;

/// A value as it was given.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// Values in order.
    List(Vec<Self>),
    /// Values by name.
    Map(BTreeMap<String, Self>),
}

impl Term {
    /// The whole number that it is.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The text that it is.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<i64> for Term {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<&str> for Term {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Integer(number) => write!(out, "{number}"),
            Self::Float(number) => write!(out, "{number:?}"),
            Self::Text(text) => write!(out, "<<\"{text}\">>"),
            Self::List(values) => {
                out.write_str("[")?;
                between(out, values, |out, value| value.fmt(out))?;
                out.write_str("]")
            }
            Self::Map(values) => {
                out.write_str("#{")?;
                between(out, values, |out, (key, value)| write!(out, "<<\"{key}\">> => {value}"))?;
                out.write_str("}")
            }
        }
    }
}

/// Writes items with commas between them.
fn between<T>(
    out: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(&mut fmt::Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (at, item) in items.into_iter().enumerate() {
        if 0 < at {
            out.write_str(",")?;
        }
        write(out, item)?;
    }
    Ok(())
}
