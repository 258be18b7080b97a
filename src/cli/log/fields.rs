//! What an event or a span says: its sentence, and what it gives by name.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};

/// The sentence and the rest, in the order in which they were given.
#[derive(Debug, Default)]
pub struct Fields {
    /// The sentence.
    pub message: String,
    /// The rest, by name.
    pub named: Vec<(&'static str, Value)>,
}

/// A value, with what is needed to write it down.
#[derive(Debug, PartialEq, Eq)]
pub enum Value {
    /// Any text; it needs quotes where those matter.
    Text(String),
    /// A number or a truth value, which is the same in every form.
    Plain(String),
}

impl Fields {
    fn plain(&mut self, field: &Field, value: impl fmt::Display) {
        self.named.push((field.name(), Value::Plain(value.to_string())));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string does not fail.
            let _ = write!(self.message, "{value:?}");
        } else {
            self.named.push((field.name(), Value::Text(format!("{value:?}"))));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.named.push((field.name(), Value::Text(value.to_owned())));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }
}
