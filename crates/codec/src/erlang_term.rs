//! Binaries as Erlang prints them, since RabbitMQ's error texts quote them and people search for those.
//!
//! Invariant: a list is cut whatever the length of the input; a reply text has room for 255 bytes, so what
//! is cut here would not have been seen.

use std::fmt::Write as _;

/// More bytes than a reply text can show, at two characters a byte.
const SHOWN_BYTES: usize = 128;

/// `~w`: always the list of bytes, `<<0,20,0,10>>`.
pub fn byte_list(bytes: &[u8]) -> String {
    let mut text = String::from("<<");
    for (index, byte) in bytes.iter().take(SHOWN_BYTES).enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{byte}"); // writing to a String cannot fail
    }
    text.push_str(if SHOWN_BYTES < bytes.len() { ",...>>" } else { ">>" });
    text
}

/// `~p` of a snippet: a string where all bytes are printable, else the list. (Erlang also recognises UTF-8
/// beyond ASCII; such bytes we list.)
pub fn pretty(bytes: &[u8]) -> String {
    let printable = |byte: &u8| matches!(byte, 0x20..=0x7e | 0x08..=0x0d | 0x1b);
    if bytes.is_empty() || !bytes.iter().all(printable) {
        return byte_list(bytes);
    }
    let mut text = String::from("<<\"");
    for byte in bytes {
        match byte {
            0x08 => text.push_str("\\b"),
            b'\t' => text.push_str("\\t"),
            b'\n' => text.push_str("\\n"),
            0x0b => text.push_str("\\v"),
            0x0c => text.push_str("\\f"),
            b'\r' => text.push_str("\\r"),
            0x1b => text.push_str("\\e"),
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            _ => text.push(char::from(*byte)),
        }
    }
    text.push_str("\">>");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_bytes_are_a_string_and_others_a_list() {
        assert_eq!(pretty(b""), "<<>>");
        assert_eq!(pretty(b"abc"), "<<\"abc\">>");
        assert_eq!(pretty(b"a\"\\\n"), "<<\"a\\\"\\\\\\n\">>");
        assert_eq!(pretty(&[0, 20, 0, 10, 0]), "<<0,20,0,10,0>>");
        assert_eq!(pretty(&[b'a', 0x7f]), "<<97,127>>");
        assert_eq!(byte_list(b"ab"), "<<97,98>>");
    }

    #[test]
    fn long_binaries_are_cut() {
        let text = byte_list(&vec![255; 100_000]);
        assert!(text.len() < 600 && text.ends_with(",255,...>>"));
    }
}
