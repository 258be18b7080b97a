//! What holds for every input, whoever made it: shared by the fuzz targets and the tests that replay their corpora.
//!
//! amq-protocol is the oracle. Its parser recurses without bound, so only short inputs that we refused reach it.
#![allow(dead_code, reason = "each target uses its own part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "failing is how a check speaks")]

use amq_protocol::{
    frame::{
        AMQPFrameType, WriteContext,
        parsing::{parse_content_header, parse_raw_frame},
    },
    protocol::{basic::AMQPProperties, parse_class},
    types::{FieldTable, ShortString, generation::gen_field_table, parsing::parse_field_table},
};
use bytes::{Bytes, BytesMut};
use leveret_codec::{
    ContentHeader, DecodeError, Frame, FrameKind, Limits, MethodId, Properties, ReplyCode, Table,
    TableBuilder, TableRef, Value, content, frame, hot, method,
};

/// Refused inputs up to this length are shown to amq-protocol: it cannot nest deep enough in them to overflow.
const SHOWN_TO_THE_ORACLE_BYTES: usize = 1024;

/// A stream of frames.
pub fn frame_cutter(bytes: &[u8]) {
    let limits = Limits { frame_max_bytes: 4096, ..Limits::default() };
    let mut rest = bytes;
    loop {
        match frame::cut(rest, &limits) {
            Ok(None) => break,
            Ok(Some(cut)) => {
                one_frame(rest, &cut, limits);
                rest = &rest[cut.wire_bytes()..];
            }
            Err(error) => {
                refused(&error, rest.len());
                assert!(matches!(error.code, ReplyCode::FrameError | ReplyCode::UnexpectedFrame), "{error}");
                break;
            }
        }
    }
}

fn one_frame(bytes: &[u8], cut: &Frame<'_>, limits: Limits) {
    let wire = &bytes[..cut.wire_bytes()];
    let mut again = BytesMut::new();
    frame::put_frame_header(&mut again, cut.kind, cut.channel, u32::try_from(cut.payload.len()).unwrap());
    again.extend_from_slice(cut.payload);
    again.extend_from_slice(&[frame::FRAME_END]);
    assert_eq!(again, wire);
    for length in [0, 1, 6, 7, wire.len() - 1] {
        assert_eq!(frame::cut(&wire[..length], &limits), Ok(None));
    }
    let (rest, raw) = parse_raw_frame(frame_type(cut.kind))(&wire[1..]).unwrap();
    assert_eq!((rest, raw.channel_id, raw.payload), (&[][..], cut.channel, cut.payload));
    match cut.kind {
        FrameKind::Method => method(cut.payload),
        FrameKind::Header => content_header(cut.payload),
        FrameKind::Body | FrameKind::Heartbeat => {}
    }
}

fn frame_type(kind: FrameKind) -> AMQPFrameType {
    match kind {
        FrameKind::Method => AMQPFrameType::Method,
        FrameKind::Header => AMQPFrameType::Header,
        FrameKind::Body => AMQPFrameType::Body,
        FrameKind::Heartbeat => AMQPFrameType::Heartbeat,
    }
}

/// A field table without its length.
pub fn field_table(bytes: &[u8]) {
    let theirs = || {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        let framed = [&length[..], bytes].concat();
        parse_field_table(&framed[..]).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, table)| table)
    };
    match TableRef::decode(bytes, &Limits::default()) {
        Ok(table) => {
            table_reads_back(table);
            match theirs() {
                Some(theirs) => assert_eq!(encoded(&theirs), encoded(&FieldTable::from(table))),
                None => assert!(!all_keys_are_text(table), "only a key that is no text may stop the oracle"),
            }
        }
        Err(error) => {
            refused(&error, bytes.len());
            assert_eq!(error.code, ReplyCode::SyntaxError);
            if bytes.len() <= SHOWN_TO_THE_ORACLE_BYTES && theirs().is_some() {
                assert!(is_stricter_than_the_oracle(&error), "{error}");
            }
        }
    }
}

/// What we refuse and amq-protocol takes.
fn is_stricter_than_the_oracle(error: &DecodeError) -> bool {
    matches!(error.text.as_ref(), "unknown field type 'U'" | "field tables are nested too deep")
}

fn table_reads_back(table: TableRef<'_>) {
    let mut copied = TableBuilder::new();
    let mut rebuilt = TableBuilder::new();
    for entry in table.entries() {
        copied.insert_raw(entry);
    }
    for (key, value) in table.iter() {
        value_reads(&value);
        rebuilt.insert(key, value);
    }
    assert_eq!(copied.build().as_ref().raw(), table.raw(), "every byte belongs to an entry");
    let rebuilt = rebuilt.build();
    assert_eq!(rebuilt.as_ref().raw().len(), table.raw().len());
    assert!(table.equivalent(rebuilt.as_ref()) && table.equivalent(table));
    Table::decode(Bytes::copy_from_slice(rebuilt.as_ref().raw()), &Limits::default()).unwrap();
    assert!(table.to_string().starts_with('{'));
}

fn value_reads(value: &Value<'_>) {
    assert!(value.equivalent(value) && !value.type_name().is_empty());
    match value {
        Value::Table(table) => table.iter().for_each(|(_, value)| value_reads(&value)),
        Value::Array(array) => array.iter().for_each(|value| value_reads(&value)),
        _ => {}
    }
}

fn all_keys_are_text(table: TableRef<'_>) -> bool {
    table.iter().all(|(key, value)| std::str::from_utf8(key).is_ok() && keys_within_are_text(&value))
}

fn keys_within_are_text(value: &Value<'_>) -> bool {
    match value {
        Value::Table(table) => all_keys_are_text(*table),
        Value::Array(array) => array.iter().all(|value| keys_within_are_text(&value)),
        _ => true,
    }
}

fn encoded(table: &FieldTable) -> Vec<u8> {
    gen_field_table(table)(WriteContext::from(Vec::new())).unwrap().into_inner().0
}

/// The payload of a header frame.
pub fn content_header(payload: &[u8]) {
    let limits = Limits::default();
    let theirs =
        || parse_content_header(payload).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, header)| header);
    match ContentHeader::decode(payload, &limits) {
        Ok(header) => {
            let mut again = BytesMut::new();
            content::put_header(&mut again, 7, header.body_bytes, header.properties.raw());
            let cut = frame::cut(&again, &limits).unwrap().unwrap();
            assert_eq!(cut, Frame { kind: FrameKind::Header, channel: 7, payload });
            properties(header.properties);
            if let Some(theirs) = theirs() {
                assert_eq!(theirs.body_size, header.body_bytes);
                same_properties(&header.properties, &theirs.properties);
            } else {
                assert!(!is_all_text(header.properties), "only what is no text may stop the oracle");
            }
        }
        Err(error) => {
            refused(&error, payload.len());
            if payload.len() <= SHOWN_TO_THE_ORACLE_BYTES
                && error.code == ReplyCode::SyntaxError
                && theirs().is_some()
            {
                let is_known = error.text == "content properties have unknown flags";
                assert!(is_known || is_stricter_than_the_oracle(&error), "{error}");
            }
        }
    }
}

fn properties(properties: Properties<'_>) {
    let limits = Limits::default();
    assert_eq!(properties.to_builder().build(), properties.raw(), "what nobody touches stays");
    let rewritten = properties.with_reply_to(b"elsewhere");
    let rewritten = Properties::decode(&rewritten, &limits).unwrap();
    assert_eq!(rewritten.reply_to(), Some(&b"elsewhere"[..]));
    assert_eq!(rewritten.headers(), properties.headers());
    assert_eq!(rewritten.app_id(), properties.app_id());
    if let Some(key) = properties.headers().and_then(|headers| headers.iter().next()).map(|(key, _)| key) {
        let rewritten = properties.without_headers(|name| name == key);
        let rewritten = Properties::decode(&rewritten, &limits).unwrap();
        assert_eq!(rewritten.flags(), properties.flags());
        assert_eq!(rewritten.headers().unwrap().get(key), None);
    }
    if let Some(rewritten) = properties.without_unsigned_long_tags() {
        assert_eq!(rewritten.len(), properties.raw().len());
        let rewritten = Properties::decode(&rewritten, &limits).unwrap();
        assert_eq!(rewritten.without_unsigned_long_tags(), None);
        assert!(rewritten.headers().unwrap().equivalent(properties.headers().unwrap()));
    }
}

fn texts(properties: &Properties<'_>) -> [Option<Vec<u8>>; 11] {
    [
        properties.content_type(),
        properties.content_encoding(),
        properties.correlation_id(),
        properties.reply_to(),
        properties.expiration(),
        properties.message_id(),
        properties.type_(),
        properties.user_id(),
        properties.app_id(),
        properties.cluster_id(),
        None,
    ]
    .map(|text| text.map(<[u8]>::to_vec))
}

fn is_all_text(properties: Properties<'_>) -> bool {
    texts(&properties).iter().flatten().all(|text| std::str::from_utf8(text).is_ok())
        && properties.headers().is_none_or(all_keys_are_text)
}

fn same_properties(ours: &Properties<'_>, theirs: &AMQPProperties) {
    let text = |text: &Option<ShortString>| text.as_ref().map(|text| text.as_str().as_bytes().to_vec());
    let expected = [
        text(theirs.content_type()),
        text(theirs.content_encoding()),
        text(theirs.correlation_id()),
        text(theirs.reply_to()),
        text(theirs.expiration()),
        text(theirs.message_id()),
        text(theirs.kind()),
        text(theirs.user_id()),
        text(theirs.app_id()),
        text(theirs.cluster_id()),
        None,
    ];
    assert_eq!(texts(ours), expected);
    assert_eq!(ours.delivery_mode(), *theirs.delivery_mode());
    assert_eq!(ours.priority(), *theirs.priority());
    assert_eq!(ours.timestamp(), *theirs.timestamp());
    assert_eq!(ours.flags(), theirs.bitmask());
    let headers = ours.headers().map(|headers| encoded(&FieldTable::from(headers)));
    assert_eq!(headers, theirs.headers().as_ref().map(encoded));
}

/// The payload of a method frame.
pub fn method(payload: &[u8]) {
    let limits = Limits::default();
    match method::decode(payload, &limits) {
        Ok(decoded) => {
            let first = encoded_method(&decoded);
            let cut = frame::cut(&first, &limits).unwrap().unwrap();
            let again = method::decode(cut.payload, &limits).unwrap();
            assert_eq!(encoded_method(&again), first);
            assert_eq!(MethodId::of(cut.payload), MethodId::of(payload));
            hot_agrees(payload, &decoded);
            if let Some(arguments) = method::arguments(payload) {
                field_table(arguments.raw());
            }
        }
        Err(error) => {
            refused(&error, payload.len());
            let is_taken = || matches!(parse_class(payload), Ok(([], _)));
            if payload.len() <= SHOWN_TO_THE_ORACLE_BYTES && is_taken() {
                assert!(is_stricter_than_the_oracle(&error), "{error}");
            }
        }
    }
}

fn encoded_method(method: &method::Method) -> BytesMut {
    let mut out = BytesMut::new();
    method::encode(3, method, &mut out);
    out
}

fn hot_agrees(payload: &[u8], decoded: &method::Method) {
    use method::{Method, basic::AMQPMethod};
    let Method::Basic(decoded) = decoded else { return };
    match decoded {
        AMQPMethod::Publish(theirs) => {
            let ours = hot::Publish::decode(payload).unwrap();
            assert_eq!(ours.exchange, theirs.exchange.as_str().as_bytes());
            assert_eq!(ours.routing_key, theirs.routing_key.as_str().as_bytes());
            assert_eq!((ours.mandatory, ours.immediate), (theirs.mandatory, theirs.immediate));
        }
        AMQPMethod::Ack(theirs) => {
            let ours = hot::Ack::decode(payload).unwrap();
            assert_eq!((ours.tag, ours.multiple), (theirs.delivery_tag, theirs.multiple));
        }
        AMQPMethod::Nack(theirs) => {
            let ours = hot::Nack::decode(payload).unwrap();
            let expected = (theirs.delivery_tag, theirs.multiple, theirs.requeue);
            assert_eq!((ours.tag, ours.multiple, ours.requeue), expected);
        }
        AMQPMethod::Reject(theirs) => {
            let ours = hot::Reject::decode(payload).unwrap();
            assert_eq!((ours.tag, ours.requeue), (theirs.delivery_tag, theirs.requeue));
        }
        _ => {}
    }
}

/// A refusal names a place in the input, closes the connection, and its text stays small.
fn refused(error: &DecodeError, length: usize) {
    assert!(error.at <= length, "{error}");
    assert_eq!(error.code.scope(), leveret_codec::Scope::Connection);
    assert!(error.text.len() < 1024);
}
