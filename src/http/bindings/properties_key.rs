//! The name of a binding among those between the same two ends, as paths and lists have it.
//!
//! ```text
//! key     = routing key, each byte but letters, digits, `.`, `-` and `_` as `%XX`, a space as `+`
//! name    = key                     without arguments; `~` if the key is empty
//!         | key `~` hash            with arguments
//! ```
//! Invariant: `~` in a key is escaped, so a name says where its key ends. The hash is of the arguments as a set, so it
//! is the same after a restart, whatever order they came in; it means nothing but that.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use leveret_codec::TableRef;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::definitions::table;

/// Bytes of a hash: as many as RabbitMQ's have, so that names are as long.
const HASH_BYTES: usize = 4;

/// A binding's name.
pub fn of(routing_key: &[u8], arguments: TableRef<'_>) -> String {
    let mut name = escaped(routing_key);
    if name.is_empty() || !arguments.is_empty() {
        name.push('~');
    }
    if !arguments.is_empty() {
        name.push_str(&hash(arguments));
    }
    name
}

/// Whether a segment of a path, decoded once, means this name. Who decodes once too often is understood, too.
pub fn is_meant(name: &str, segment: &str) -> bool {
    name == segment || percent_decode_str(name).decode_utf8().is_ok_and(|plain| plain == segment)
}

/// Bytes as they stand in a name, or once more in a path.
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => text.push(char::from(*byte)),
            b' ' => text.push('+'),
            // Into a String it cannot fail.
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    text
}

fn hash(arguments: TableRef<'_>) -> String {
    // Keys of an object are in order.
    let canonical = Value::Object(table::to_json(arguments)).to_string();
    let digest = Sha256::digest(canonical.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.get(..HASH_BYTES).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use leveret_codec::Value;
    use leveret_codec::field::{Table, TableBuilder};

    use super::*;

    fn name(key: &str, arguments: &Table) -> String {
        of(key.as_bytes(), arguments.as_ref())
    }

    #[test]
    fn names_without_arguments_are_rabbitmqs() {
        let none = Table::default();
        let table = [
            ("", "~"),
            ("k", "k"),
            ("a~b", "a%7Eb"),
            ("a b/c", "a+b%2Fc"),
            ("a.*", "a.%2A"),
            ("ä#~+", "%C3%A4%23%7E%2B"),
            ("order_1-x", "order_1-x"),
        ];
        for (key, expected) in table {
            assert_eq!(name(key, &none), expected);
        }
    }

    #[test]
    fn arguments_add_a_hash_whatever_their_order() {
        let ab = TableBuilder::new().insert("a", Value::I64(1)).insert("b", Value::Str(b"x")).build();
        let ba = TableBuilder::new().insert("b", Value::Str(b"x")).insert("a", Value::I64(1)).build();
        let other = TableBuilder::new().insert("a", Value::I64(2)).build();
        assert_eq!(name("a~b", &ab), name("a~b", &ba));
        assert_ne!(name("k", &ab), name("k", &other));
        assert!(name("", &ab).starts_with('~') && name("", &ab).len() == 7);
        assert!(name("k", &ab).starts_with("k~") && name("k", &ab).len() == 8);
    }

    #[test]
    fn a_segment_that_was_decoded_too_often_is_understood() {
        assert!(is_meant("a%7Eb", "a%7Eb") && is_meant("a%7Eb", "a~b"));
        assert!(is_meant("a+b%2Fc", "a+b%2Fc") && is_meant("a+b%2Fc", "a+b/c"));
        assert!(!is_meant("a%7Eb", "a") && !is_meant("~", ""));
    }
}
