//! The hash that exchanges spread messages by: the same in every process, version and on every machine.
//!
//! A table's own maps are keyed with entropy ([`crate::persistent`]); here that would send a key elsewhere after a
//! restart. FNV-1a over the bytes, then the finalizer of `SplitMix64`, which lets every bit of the input move every
//! bit of the output. Clients may well aim at a destination: the key is theirs, and so is the choice.
//!
//! Frozen: a change of anything here moves the keys of every hash exchange there is. The tests hold values.

use leveret_codec::Properties;
use leveret_codec::field::Value;

use crate::arguments;
use crate::matcher::Routed;
use crate::rule::HashOn;

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// What a message without the header or property has: all such messages go to one place, as in RabbitMQ.
const MISSING: u64 = 0;

/// Lets every bit of `word` move every bit of the result (`SplitMix64`'s finalizer).
pub fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The hash of some bytes, told apart from the same bytes of another kind.
pub fn of_bytes(kind: u8, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
    mix(bytes.iter().fold(step(FNV_OFFSET, &kind), step))
}

/// The hash of all routing keys of a message, in their order.
pub fn of_keys(keys: &[&[u8]]) -> u64 {
    keys.iter().fold(FNV_OFFSET, |hash, key| mix(hash.wrapping_mul(FNV_PRIME) ^ of_bytes(b'k', key)))
}

/// The hash of what an exchange looks at. Of the routing keys that is the first, the publish key, alone: CC and BCC
/// have no say (as RabbitMQ).
pub fn of_message(on: &HashOn, message: Routed<'_>) -> u64 {
    let text = |property: Option<&[u8]>| property.map_or(MISSING, |text| of_bytes(b'S', text));
    match on {
        HashOn::RoutingKey => text(message.keys.first().copied()),
        HashOn::Header(name) => of_header(message.properties, name),
        HashOn::MessageId => text(message.properties.message_id()),
        HashOn::CorrelationId => text(message.properties.correlation_id()),
        HashOn::Timestamp => {
            message.properties.timestamp().map_or(MISSING, |seconds| of_bytes(b'T', &seconds.to_be_bytes()))
        }
    }
}

/// Equivalent values hash alike, whatever their width. A void one is as good as none.
fn of_header(properties: Properties<'_>, name: &[u8]) -> u64 {
    let value = properties.headers().and_then(|headers| headers.get(name));
    match value {
        None | Some(Value::Void) => MISSING,
        Some(Value::Str(bytes) | Value::Bytes(bytes)) => of_bytes(b'S', bytes),
        Some(value) => match value.as_integer() {
            Some(number) => of_bytes(b'l', &number.to_be_bytes()),
            None => of_bytes(b'v', &arguments::form(&value)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_what_they_were_in_every_version() {
        assert_eq!(of_bytes(b'S', b""), 0xb807_0708_1610_a151);
        assert_eq!(of_bytes(b'S', b"customer.1"), 0x6006_030d_1b24_519b);
        assert_eq!(of_keys(&[b"a", b"b"]), 0xd20d_cd54_9f89_d429);
    }

    #[test]
    fn where_one_key_ends_and_the_next_begins_counts() {
        assert_ne!(of_keys(&[b"ab", b"c"]), of_keys(&[b"a", b"bc"]));
        assert_ne!(of_keys(&[b"a"]), of_keys(&[b"a", b""]));
        assert_ne!(of_keys(&[b"a", b"b"]), of_keys(&[b"b", b"a"]));
    }
}
