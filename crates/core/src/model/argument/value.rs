//! What values an argument takes, and RabbitMQ's words for those it does not.

use leveret_codec::field::Value;

use crate::model::argument::invalid;
use crate::refusal::{Refusal, Ruling};

/// What values an argument takes.
#[derive(Clone, Copy, Debug)]
pub enum Accepts {
    /// Whole numbers in this range.
    Integer(i64, i64),
    /// `true` or `false`.
    Bool,
    /// One of these words; the second part is the text for another word.
    Word(&'static [&'static str], &'static str),
    /// Any long string; the refusal has RabbitMQ's special form.
    Name,
    /// Any long string.
    String,
    /// Anything at all.
    Anything,
    /// The feature is not served: nothing but the word that says that it is not wanted.
    Nothing(&'static str),
}

/// Refuses a value that the argument does not take; `what` is the queue.
pub fn check_value(what: &str, name: &str, accepts: Accepts, value: &Value<'_>) -> Ruling {
    let detail = match (accepts, value) {
        (Accepts::Anything, _)
        | (Accepts::Bool, Value::Bool(_))
        | (Accepts::Name | Accepts::String, Value::Str(_)) => return Ok(()),
        (Accepts::Integer(least, most), value) => match integer_fault(name, value, least, most) {
            None => return Ok(()),
            Some(fault) => fault,
        },
        (Accepts::Word(words, fault), Value::Str(word)) => {
            if words.iter().any(|known| known.as_bytes() == *word) {
                return Ok(());
            }
            fault.to_owned()
        }
        (Accepts::Nothing(off), Value::Str(word)) if off.as_bytes() == *word => return Ok(()),
        (Accepts::Nothing(_), _) => "\"not supported by this version of leveret\"".to_owned(),
        (Accepts::Name, other) => {
            let kind = other.type_name();
            return Err(Refusal::precondition_failed(format!(
                "invalid type '{kind}' for arg '{name}' in {what}"
            )));
        }
        (Accepts::Bool | Accepts::String | Accepts::Word(..), other) => unacceptable(other),
    };
    Err(invalid(what, name, &detail))
}

fn integer_fault(name: &str, value: &Value<'_>, least: i64, most: i64) -> Option<String> {
    let Some(integer) = value.as_integer() else {
        return Some(format!("\"expected integer, got {}\"", value.type_name()));
    };
    match integer {
        _ if (least..=most).contains(&integer) => None,
        _ if name == "x-queue-version" => Some(format!("\"unsupported queue version '{integer}'\"")),
        ..0 => Some(format!("{{value_negative,{integer}}}")),
        0 => Some("{value_zero,0}".to_owned()),
        _ if name == "x-max-priority" => Some(format!("{{max_value_exceeded,{integer}}}")),
        _ => Some(format!("{{value_too_large,{integer}}}")),
    }
}

/// A value of the wrong type.
pub fn unacceptable(value: &Value<'_>) -> String {
    format!("{{unacceptable_type,{}}}", value.type_name())
}
