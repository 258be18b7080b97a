//! When two declarations are equivalent.
//!
//! Values are compared, not their types on the wire; what nobody knows is not compared.

use leveret_codec::field::{Table, Value};

use crate::model::argument::{ARGUMENTS, check_type, queue_type};
use crate::refusal::{Refusal, Ruling};

/// Whether a declaration means the queue that is there (which was declared with `current`).
pub fn check_equivalence(what: &str, received: &Table, current: &Table) -> Ruling {
    let (new_type, old_type) = (queue_type(received), queue_type(current));
    if new_type != old_type {
        return Err(Refusal::precondition_failed(format!(
            "inequivalent arg 'x-queue-type' for {what}: received '{new_type}' but current is '{old_type}'"
        )));
    }
    let kind = check_type(what, current)?;
    for known in ARGUMENTS.iter().filter(|known| known.owners.include(kind)) {
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
