//! `x-arguments` of queues: which there are, what they accept, and when two declarations are equivalent.
//!
//! One line per argument (RabbitMQ's own list for classic queues, with those it knows for other types).
//! An argument that nobody knows is kept and never looked at, as RabbitMQ does. One that RabbitMQ serves
//! and this broker does not yet is validated and then refused: an argument is honoured or refused.

use std::time::Duration;

use leveret_codec::field::{Table, Value};

use crate::model::queue::QueueSettings;
use crate::refusal::{Refusal, Ruling};

/// Longest time that RabbitMQ takes, in milliseconds (ten years).
pub const LONGEST_MILLIS: i64 = 315_360_000_000;

/// What values an argument takes.
#[derive(Clone, Copy, Debug)]
enum Accepts {
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
}

/// Whether the broker acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    /// It does, or there is nothing to do.
    Served,
    /// Not in this version.
    NotYet,
    /// It belongs to a type of queue that is not the classic one.
    OtherType,
}

struct Argument {
    name: &'static str,
    accepts: Accepts,
    service: Service,
}

const fn argument(name: &'static str, accepts: Accepts, service: Service) -> Argument {
    Argument { name, accepts, service }
}

const LOCATORS: &[&str] = &["client-local", "balanced", "random", "least-leaders", "min-masters"];

const ARGUMENTS: &[Argument] = {
    use Accepts::{Anything, Bool, Integer, Name, String, Word};
    use Service::{NotYet, OtherType, Served};
    &[
        argument("x-expires", Integer(1, LONGEST_MILLIS), NotYet),
        argument("x-message-ttl", Integer(0, LONGEST_MILLIS), Served),
        argument("x-dead-letter-exchange", Name, NotYet),
        argument("x-dead-letter-routing-key", String, NotYet),
        argument("x-max-length", Integer(0, i64::MAX), NotYet),
        argument("x-max-length-bytes", Integer(0, i64::MAX), NotYet),
        argument("x-max-priority", Integer(0, 255), NotYet),
        argument(
            "x-overflow",
            Word(&["drop-head", "reject-publish", "reject-publish-dlx"], "invalid_overflow"),
            NotYet,
        ),
        argument("x-single-active-consumer", Bool, NotYet),
        argument("x-queue-mode", Anything, Served),
        argument("x-queue-version", Integer(2, 2), Served),
        argument("x-queue-leader-locator", Word(LOCATORS, "invalid_queue_locator_arg"), Served),
        argument("x-queue-master-locator", Anything, Served),
        argument("x-dead-letter-strategy", Anything, OtherType),
        argument("x-delivery-limit", Anything, OtherType),
        argument("x-quorum-initial-group-size", Anything, OtherType),
        argument("x-max-in-memory-length", Anything, OtherType),
        argument("x-max-in-memory-bytes", Anything, OtherType),
        argument("x-consumer-timeout", Anything, OtherType),
        argument("x-consumer-disconnected-timeout", Anything, OtherType),
        argument("x-delayed-retry-type", Anything, OtherType),
        argument("x-delayed-retry-min", Anything, OtherType),
        argument("x-delayed-retry-max", Anything, OtherType),
        argument("x-max-age", Anything, OtherType),
        argument("x-stream-max-segment-size-bytes", Anything, OtherType),
        argument("x-stream-filter-size-bytes", Anything, OtherType),
        argument("x-initial-cluster-size", Anything, OtherType),
    ]
};

/// Checks the arguments of a new queue; `what` is its name for texts (`queue 'q' in vhost '/'`).
pub fn validate(what: &str, arguments: &Table) -> Ruling<QueueSettings> {
    check_type(what, arguments)?;
    for known in ARGUMENTS {
        let Some(value) = arguments.as_ref().get(known.name.as_bytes()) else { continue };
        if known.service == Service::OtherType {
            return Err(Refusal::precondition_failed(format!(
                "invalid arg '{}' for {what} of queue type rabbit_classic_queue",
                known.name
            )));
        }
        check_value(what, known, &value)?;
    }
    let has = |name: &str| arguments.as_ref().get(name.as_bytes()).is_some();
    if has("x-dead-letter-routing-key") && !has("x-dead-letter-exchange") {
        return Err(invalid(what, "x-dead-letter-routing-key", "routing_key_but_no_dlx_defined"));
    }
    refuse_unserved(what, arguments)?;
    let ttl = arguments.as_ref().get(b"x-message-ttl").and_then(|value| value.as_integer());
    Ok(QueueSettings {
        message_ttl: ttl.and_then(|millis| u64::try_from(millis).ok()).map(Duration::from_millis),
    })
}

/// Whether a declaration means the queue that is there (which was declared with `current`).
pub fn check_equivalence(what: &str, received: &Table, current: &Table) -> Ruling {
    let (new_type, old_type) = (queue_type(received), queue_type(current));
    if new_type != old_type {
        return Err(Refusal::precondition_failed(format!(
            "inequivalent arg 'x-queue-type' for {what}: received '{new_type}' but current is '{old_type}'"
        )));
    }
    for known in ARGUMENTS.iter().filter(|known| known.service != Service::OtherType) {
        check_same(what, known.name, received, current)?;
    }
    Ok(())
}

/// Whether both declarations have this argument with the same value, or neither has it; for exchanges too.
pub fn check_same(what: &str, name: &str, received: &Table, current: &Table) -> Ruling {
    let (new, old) = (received.as_ref().get(name.as_bytes()), current.as_ref().get(name.as_bytes()));
    let typed = |value: &Value<'_>| format!("the value '{}' of type '{}'", plain(value), value.type_name());
    let difference = match (new, old) {
        (None, None) => return Ok(()),
        (Some(new), Some(old)) if new.equivalent(&old) || is_same_number(&new, &old) => return Ok(()),
        (Some(new), Some(old)) => format!("received '{}' but current is '{}'", plain(&new), plain(&old)),
        (None, Some(old)) => format!("received none but current is {}", typed(&old)),
        (Some(new), None) => format!("received {} but current is none", typed(&new)),
    };
    Err(Refusal::precondition_failed(format!("inequivalent arg '{name}' for {what}: {difference}")))
}

/// RabbitMQ compares numbers whatever their type, and takes a timestamp for one.
fn is_same_number(new: &Value<'_>, old: &Value<'_>) -> bool {
    let number = |value: &Value<'_>| match *value {
        Value::Timestamp(seconds) => Some(i128::from(seconds)),
        ref other => other.as_integer().map(i128::from),
    };
    number(new).is_some_and(|new| number(old) == Some(new))
}

/// A value as RabbitMQ prints it between the quotes of a text.
pub fn plain(value: &Value<'_>) -> String {
    match value {
        Value::Bool(bool) => bool.to_string(),
        Value::Str(bytes) | Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::F32(float) => erlang_float(f64::from(*float)),
        Value::F64(float) => erlang_float(*float),
        Value::Timestamp(seconds) => seconds.to_string(),
        Value::Void => "undefined".to_owned(),
        other => other.as_integer().map_or_else(|| format!("{other:?}"), |integer| integer.to_string()),
    }
}

/// Erlang writes a float with the fewest digits, but always with a point: `1.0e3`.
fn erlang_float(float: f64) -> String {
    let text = format!("{float:e}");
    match text.split_once('e') {
        Some((mantissa, "0")) if mantissa.contains('.') => mantissa.to_owned(),
        Some((mantissa, "0")) => format!("{mantissa}.0"),
        Some((mantissa, exponent)) if mantissa.contains('.') => format!("{mantissa}e{exponent}"),
        Some((mantissa, exponent)) => format!("{mantissa}.0e{exponent}"),
        None => text,
    }
}

fn queue_type(arguments: &Table) -> String {
    match arguments.as_ref().get(b"x-queue-type") {
        None | Some(Value::Str(b"" | b"undefined")) => "classic".to_owned(),
        Some(value) => plain(&value),
    }
}

fn check_type(what: &str, arguments: &Table) -> Ruling {
    const NAME: &str = "x-queue-type";
    match arguments.as_ref().get(NAME.as_bytes()) {
        None | Some(Value::Str(b"" | b"undefined" | b"classic")) => Ok(()),
        Some(Value::Str(name @ (b"quorum" | b"stream"))) => {
            let name = String::from_utf8_lossy(name);
            Err(invalid(what, NAME, &format!("\"queue type '{name}' is not supported by this version\"")))
        }
        Some(Value::Str(other)) => {
            let other = String::from_utf8_lossy(other);
            Err(invalid(what, NAME, &format!("\"unsupported queue type '{other}'\"")))
        }
        Some(other) => Err(invalid(what, NAME, &unacceptable(&other))),
    }
}

fn check_value(what: &str, known: &Argument, value: &Value<'_>) -> Ruling {
    let detail = match (known.accepts, value) {
        (Accepts::Anything, _)
        | (Accepts::Bool, Value::Bool(_))
        | (Accepts::Name | Accepts::String, Value::Str(_)) => return Ok(()),
        (Accepts::Integer(least, most), value) => match integer_fault(known.name, value, least, most) {
            None => return Ok(()),
            Some(fault) => fault,
        },
        (Accepts::Word(words, fault), Value::Str(word)) => {
            if words.iter().any(|known| known.as_bytes() == *word) {
                return Ok(());
            }
            fault.to_owned()
        }
        (Accepts::Name, other) => {
            return Err(Refusal::precondition_failed(format!(
                "invalid type '{}' for arg '{}' in {what}",
                other.type_name(),
                known.name
            )));
        }
        (Accepts::Bool | Accepts::String | Accepts::Word(..), other) => unacceptable(other),
    };
    Err(invalid(what, known.name, &detail))
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

fn refuse_unserved(what: &str, arguments: &Table) -> Ruling {
    for known in ARGUMENTS.iter().filter(|known| known.service == Service::NotYet) {
        match arguments.as_ref().get(known.name.as_bytes()) {
            // Saying no to a feature is what happens anyway.
            None | Some(Value::Bool(false)) => {}
            Some(_) => return Err(invalid(what, known.name, "\"not supported by this version of leveret\"")),
        }
    }
    Ok(())
}

fn unacceptable(value: &Value<'_>) -> String {
    format!("{{unacceptable_type,{}}}", value.type_name())
}

fn invalid(what: &str, name: &str, detail: &str) -> Refusal {
    Refusal::precondition_failed(format!("invalid arg '{name}' for {what}: {detail}"))
}
