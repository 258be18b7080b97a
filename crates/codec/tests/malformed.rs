//! What a hostile or broken peer sends: each gets the error that RabbitMQ gives, or a clean one where it crashes.
#![expect(clippy::unwrap_used, reason = "failing is how a test speaks")]

use leveret_codec::{
    ContentHeader, DecodeError, Limits, MethodId, ReplyCode, TableRef, hot, method, properties::Properties,
};

const LIMITS: Limits = Limits { frame_max_bytes: 131_072, table_depth: 64 };

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// Tables (`F`) or arrays (`A`) within each other, `levels` of them counting the outermost table.
fn nested(levels: usize, tag: u8) -> Vec<u8> {
    let mut inner = Vec::new();
    for level in 1..levels {
        let key: &[u8] = if tag == b'F' || level + 1 == levels { b"\x00" } else { b"" };
        inner = [key, &[tag], &long(&inner)].concat();
    }
    inner
}

/// queue.declare of `q` with these arguments.
fn declare(arguments: &[u8]) -> Vec<u8> {
    [&[0, 50, 0, 10, 0, 0, 1, b'q', 0][..], &long(arguments)].concat()
}

fn header(flags: u16, properties: &[u8]) -> Vec<u8> {
    [&[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5][..], &flags.to_be_bytes(), properties].concat()
}

fn is(error: &DecodeError, code: ReplyCode, at: usize, text: &str) {
    assert_eq!((error.code, error.at, error.text.as_ref()), (code, at, text));
}

#[test]
fn tables_nest_to_the_limit_and_no_deeper() {
    for tag in [b'F', b'A'] {
        assert!(TableRef::decode(&nested(64, tag), &LIMITS).is_ok());
        let error = TableRef::decode(&nested(65, tag), &LIMITS).unwrap_err();
        assert_eq!(
            (error.code, error.text.as_ref()),
            (ReplyCode::SyntaxError, "field tables are nested too deep")
        );
    }
    let shallow = Limits { table_depth: 1, ..LIMITS };
    assert!(TableRef::decode(&nested(1, b'F'), &shallow).is_ok());
    assert!(TableRef::decode(&nested(2, b'F'), &shallow).is_err());
}

/// As many levels as fit a frame would overflow the stack of a parser that follows them all.
#[test]
fn eighteen_kilobytes_of_nesting_are_refused_in_methods_and_in_headers() {
    let table = nested(3000, b'F');
    assert!(18_000 - 10 < table.len());
    let error = method::decode(&declare(&table), &LIMITS).unwrap_err();
    assert_eq!(
        (error.code, error.text.as_ref()),
        (ReplyCode::SyntaxError, "field tables are nested too deep")
    );
    let error = ContentHeader::decode(&header(0x2000, &long(&table)), &LIMITS).unwrap_err();
    assert_eq!(
        (error.code, error.text.as_ref()),
        (ReplyCode::SyntaxError, "field tables are nested too deep")
    );
}

#[test]
fn every_truncation_of_a_method_is_a_frame_error_that_quotes_the_arguments() {
    let whole = declare(b"\x01kI\x00\x00\x00\x01");
    assert!(method::decode(&whole, &LIMITS).is_ok());
    for length in 4..whole.len() {
        let error = method::decode(&whole[..length], &LIMITS).unwrap_err();
        assert_eq!(error.code, ReplyCode::FrameError, "{length} bytes");
        assert!(error.text.starts_with("cannot decode <<"), "{error}");
    }
    let error = method::decode(&[0, 20, 0, 10, 5, b'a'], &LIMITS).unwrap_err();
    is(&error, ReplyCode::FrameError, 4, "cannot decode <<5,97>>");
}

#[test]
fn trailing_bytes_after_a_method_are_a_frame_error() {
    let error = method::decode(&[0, 20, 0, 10, 0, 0], &LIMITS).unwrap_err();
    is(&error, ReplyCode::FrameError, 5, "cannot decode <<0,0>>");
    let ack = [0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 1, 0, 9];
    is(
        &hot::Ack::decode(&ack).unwrap_err(),
        ReplyCode::FrameError,
        13,
        "cannot decode <<0,0,0,0,0,0,0,1,0,9>>",
    );
}

#[test]
fn truncated_publishes_and_acknowledgements_are_frame_errors() {
    let publish = [0, 60, 0, 40, 0, 0, 1, b'e', 1, b'k', 0];
    assert!(hot::Publish::decode(&publish).is_ok());
    for length in 4..publish.len() {
        assert_eq!(hot::Publish::decode(&publish[..length]).unwrap_err().code, ReplyCode::FrameError);
    }
    for length in 0..13 {
        let zeros = vec![0; length];
        assert_eq!(hot::Ack::decode(&zeros).unwrap_err().code, ReplyCode::FrameError);
        assert_eq!(hot::Nack::decode(&zeros).unwrap_err().code, ReplyCode::FrameError);
        assert_eq!(hot::Reject::decode(&zeros).unwrap_err().code, ReplyCode::FrameError);
    }
}

#[test]
fn unknown_methods_are_invalid_commands() {
    for payload in [[0, 11, 0, 10], [0, 60, 0, 200], [0, 60, 0, 41], [0, 0, 0, 0]] {
        let error = method::decode(&payload, &LIMITS).unwrap_err();
        is(&error, ReplyCode::CommandInvalid, 0, "unimplemented method");
    }
    let error = MethodId::of(&[0, 10, 0]).unwrap_err();
    is(&error, ReplyCode::FrameError, 0, "type 1, all octets = <<0,10,0>>: unknown_frame");
}

#[test]
fn names_that_are_no_text_are_frame_errors() {
    let error = method::decode(&[0, 60, 0, 30, 2, 0xC3, 0x28, 0], &LIMITS).unwrap_err();
    is(&error, ReplyCode::FrameError, 4, "Malformed UTF-8 in shortstr");
    let error = method::decode(&declare(b"\x01\xffV"), &LIMITS).unwrap_err();
    is(&error, ReplyCode::SyntaxError, 13, "a key of a field table is not UTF-8");
}

#[test]
fn every_truncation_within_a_table_is_a_syntax_error() {
    let entries: [&[u8]; 8] = [
        b"\x01kt\x01",
        b"\x01ks\x00\x01",
        b"\x01kD\x02\x00\x00\x00\x01",
        b"\x01kT\x00\x00\x00\x00\x00\x00\x00\x01",
        b"\x01kS\x00\x00\x00\x02ab",
        b"\x01kx\x00\x00\x00\x02ab",
        b"\x01kF\x00\x00\x00\x04\x01kb\x01",
        b"\x01kA\x00\x00\x00\x02b\x01",
    ];
    for entry in entries {
        assert!(TableRef::decode(entry, &LIMITS).is_ok(), "{entry:?}");
        for length in 1..entry.len() {
            let error = TableRef::decode(&entry[..length], &LIMITS).unwrap_err();
            assert_eq!(error.code, ReplyCode::SyntaxError);
            assert!(error.at <= length, "{error}");
        }
    }
}

#[test]
fn a_length_that_lies_is_refused_wherever_it_stands() {
    let lying: [&[u8]; 4] = [
        b"\x01kS\xff\xff\xff\xff",
        b"\x01kF\x00\x00\x00\x05\x01kb\x01",
        b"\x01kA\x7f\xff\xff\xffb\x01",
        b"\x01kF\x00\x00\x00\x09\x01kS\x00\x00\x00\x09ab",
    ];
    for table in lying {
        let error = TableRef::decode(table, &LIMITS).unwrap_err();
        assert_eq!(
            (error.code, error.text.as_ref()),
            (ReplyCode::SyntaxError, "field table ends within an entry")
        );
    }
    // The table's own length: in a method RabbitMQ's 501, in properties our 502.
    let mut lying = declare(b"");
    *lying.last_mut().unwrap() = 1;
    assert_eq!(method::decode(&lying, &LIMITS).unwrap_err().code, ReplyCode::FrameError);
    let error = ContentHeader::decode(&header(0x2000, &[0xff; 4]), &LIMITS).unwrap_err();
    is(&error, ReplyCode::SyntaxError, 14, "content properties end within a property");
}

#[test]
fn unknown_field_types_are_syntax_errors_that_name_them() {
    let error = TableRef::decode(b"\x01kU\x00\x01", &LIMITS).unwrap_err();
    is(&error, ReplyCode::SyntaxError, 2, "unknown field type 'U'");
    let error = method::decode(&declare(b"\x01k\x00"), &LIMITS).unwrap_err();
    is(&error, ReplyCode::SyntaxError, 15, "unknown field type '\\x00'");
    let error =
        ContentHeader::decode(&header(0x2000, &long(b"\x01kA\x00\x00\x00\x01?")), &LIMITS).unwrap_err();
    is(&error, ReplyCode::SyntaxError, 25, "unknown field type '?'");
}

#[test]
fn malformed_properties_are_syntax_errors() {
    for flags in [1, 2, 0x9001, 0xffff] {
        let error = ContentHeader::decode(&header(flags, &[0; 64]), &LIMITS).unwrap_err();
        is(&error, ReplyCode::SyntaxError, 12, "content properties have unknown flags");
    }
    let error = ContentHeader::decode(&header(0x1000, &[2, 0]), &LIMITS).unwrap_err();
    is(&error, ReplyCode::SyntaxError, 15, "content properties are longer than their flags say");
    let error = ContentHeader::decode(&header(0x9000, &[1, b'a']), &LIMITS).unwrap_err();
    is(&error, ReplyCode::SyntaxError, 16, "content properties end within a property");
    let error = ContentHeader::decode(&header(0, &[])[..13], &LIMITS).unwrap_err();
    is(&error, ReplyCode::SyntaxError, 12, "content properties have no flags");
    assert!(Properties::decode(&[], &LIMITS).is_err());
}

#[test]
fn headers_of_another_class_or_with_a_weight_are_unexpected_frames() {
    let mut of_queue = header(0, &[]);
    of_queue[1] = 50;
    let text = "expected content header for class 60, got one for class 50 instead";
    is(&ContentHeader::decode(&of_queue, &LIMITS).unwrap_err(), ReplyCode::UnexpectedFrame, 0, text);
    let mut weighty = header(0, &[]);
    weighty[3] = 1;
    let text = "expected content header for class 60, got non content header frame instead";
    is(&ContentHeader::decode(&weighty, &LIMITS).unwrap_err(), ReplyCode::UnexpectedFrame, 2, text);
}

#[test]
fn a_header_too_short_to_be_one_is_an_unknown_frame() {
    let error = ContentHeader::decode(&[0, 60], &LIMITS).unwrap_err();
    is(&error, ReplyCode::FrameError, 2, "type 2, all octets = <<0,60>>: unknown_frame");
}

#[test]
fn a_refused_method_of_a_whole_frame_has_a_short_text() {
    let mut payload = vec![0, 20, 0, 40];
    payload.resize(131_072, 0xff);
    let error = method::decode(&payload, &LIMITS).unwrap_err();
    assert!(error.text.len() < 600, "{} bytes", error.text.len());
}
