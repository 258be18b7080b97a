//! Protocol negotiation, §2.3.3 and §4.2.2: the eight bytes before the first frame.

/// What a 0-9-1 peer sends first, and what we answer to a header we do not speak.
pub const PROTOCOL_HEADER: [u8; 8] = *b"AMQP\x00\x00\x09\x01";

/// The header of 0-9 (`1 1 0 9`); RabbitMQ serves such a peer as 0-9-1, and so do we.
const PROTOCOL_HEADER_0_9: [u8; 8] = *b"AMQP\x01\x01\x00\x09";

/// Whether we speak with a peer that starts like this.
pub fn is_supported(header: &[u8; 8]) -> bool {
    *header == PROTOCOL_HEADER || *header == PROTOCOL_HEADER_0_9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speaks_0_9_1_and_serves_0_9_the_same() {
        assert!(is_supported(b"AMQP\x00\x00\x09\x01"));
        assert!(is_supported(b"AMQP\x01\x01\x00\x09"));
        for other in [b"AMQP\x01\x01\x08\x00", b"AMQP\x03\x01\x00\x00", b"AMQP\x00\x01\x00\x00", b"GET / HT"]
        {
            assert!(!is_supported(other));
        }
    }
}
