//! Headers that a message carries and nobody is shown.
//!
//! They travel among the message's own headers, so that they are in the log and in every queue like them, and are taken
//! out when the message is handed to a client.
//!
//! | header | meaning |
//! |---|---|
//! | `BCC` | further routing keys of the publish; a dead letter goes there too |
//! | [`FOREIGN_DEATHS`] | `x-death` and its like were written by a client: they are no history |
//! | [`SPENT_COPIES`] | the message was dead-lettered with a key of its own: `CC` names no keys any more |
//! | [`STAY`] | the message has spans |
//!
//! A client that sends the last three itself changes nothing but how its own message is treated.

use leveret_codec::{Properties, TableRef, Value};

/// Further keys that receivers must not see.
pub const BLIND_COPIES: &[u8] = b"BCC";
/// The history in the headers was made up by a client.
pub const FOREIGN_DEATHS: &[u8] = b"\0foreign-deaths";
/// `CC` has had its effect.
pub const SPENT_COPIES: &[u8] = b"\0spent-copies";

/// Since when a message is where it is, and which span its publish was, see `span`.
pub const STAY: &[u8] = b"\0stay";

const HIDDEN: [&[u8]; 4] = [BLIND_COPIES, FOREIGN_DEATHS, SPENT_COPIES, STAY];

/// Whether nobody is to see this header.
pub fn is_hidden(name: &[u8]) -> bool {
    HIDDEN.contains(&name)
}

/// Whether there is something to hide.
pub fn hides(headers: TableRef<'_>) -> bool {
    headers.entries().any(|entry| is_hidden(entry.key))
}

/// What a client is shown.
pub fn shown(properties: Properties<'_>) -> Vec<u8> {
    properties.without_headers(is_hidden)
}

/// The same properties with one more thing to hide.
pub fn with_mark(properties: Properties<'_>, mark: &[u8]) -> Vec<u8> {
    let mut marked = properties.headers_without(|_| false);
    marked.insert(mark, Value::Void);
    properties.to_builder().headers(marked.build().as_ref()).build()
}
