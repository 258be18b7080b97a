//! Every hand-written part, byte for byte against amq-protocol, in both directions.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "failing is how a test speaks")]

mod arbitrary;

use amq_protocol::{
    frame::{AMQPContentHeader, AMQPFrame, GenError, WriteContext, gen_frame, parse_frame},
    protocol::{AMQPHardError, AMQPSoftError, basic::AMQPProperties},
    types::{FieldTable, ShortString, generation::gen_field_table},
};
use arbitrary::{field_table, properties, short_string};
use bytes::{Bytes, BytesMut};
use leveret_codec::{
    ContentHeader, FrameKind, Limits, MethodId, Outgoing, Properties, PropertiesBuilder, ReplyCode, Scope,
    Table, TableRef, content, frame, hot,
    method::{self, Method, basic, channel, connection, queue},
};
use proptest::prelude::*;

fn theirs(frame: &AMQPFrame) -> Vec<u8> {
    let written: Result<_, GenError> = gen_frame(frame)(WriteContext::from(Vec::new()));
    written.unwrap().into_inner().0
}

fn their_method(channel: u16, method: basic::AMQPMethod) -> Vec<u8> {
    theirs(&AMQPFrame::Method(channel, Method::Basic(method)))
}

fn ours(put: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
    let mut out = BytesMut::new();
    put(&mut out);
    out.to_vec()
}

/// The payload of the one frame in `bytes`, cut by us.
fn payload_of(bytes: &[u8]) -> &[u8] {
    let cut = frame::cut(bytes, &Limits::default()).unwrap().unwrap();
    assert_eq!(cut.wire_bytes(), bytes.len());
    cut.payload
}

fn bytes_of(text: &ShortString) -> &[u8] {
    text.as_str().as_bytes()
}

fn reply_code() -> impl Strategy<Value = ReplyCode> {
    prop::sample::select(ReplyCode::ALL)
}

proptest! {
    #[test]
    fn deliver_is_written_as_theirs_and_read_by_them(
        (channel, tag, redelivered) in any::<(u16, u64, bool)>(),
        (consumer, exchange, key) in (short_string(), short_string(), short_string()),
    ) {
        let wire = ours(|out| {
            hot::put_deliver(out, channel, bytes_of(&consumer), tag, redelivered, bytes_of(&exchange), bytes_of(&key));
        });
        let method = basic::AMQPMethod::Deliver(basic::Deliver {
            consumer_tag: consumer, delivery_tag: tag, redelivered, exchange, routing_key: key,
        });
        prop_assert_eq!(&wire, &their_method(channel, method.clone()));
        prop_assert_eq!(parse_frame(&wire[..]).unwrap().1, AMQPFrame::Method(channel, Method::Basic(method)));
    }

    #[test]
    fn get_ok_is_written_as_theirs_and_read_by_them(
        (channel, tag, redelivered, message_count) in any::<(u16, u64, bool, u32)>(),
        (exchange, key) in (short_string(), short_string()),
    ) {
        let wire = ours(|out| {
            let (exchange, key) = (bytes_of(&exchange), bytes_of(&key));
            hot::put_get_ok(out, channel, tag, redelivered, exchange, key, message_count);
        });
        let method = basic::AMQPMethod::GetOk(basic::GetOk {
            delivery_tag: tag, redelivered, exchange, routing_key: key, message_count,
        });
        prop_assert_eq!(&wire, &their_method(channel, method.clone()));
        prop_assert_eq!(parse_frame(&wire[..]).unwrap().1, AMQPFrame::Method(channel, Method::Basic(method)));
    }

    #[test]
    fn return_is_written_as_theirs_and_read_by_them(
        (channel, code) in (any::<u16>(), reply_code()),
        (text, exchange, key) in (short_string(), short_string(), short_string()),
    ) {
        let wire = ours(|out| {
            hot::put_return(out, channel, code, text.as_str(), bytes_of(&exchange), bytes_of(&key));
        });
        let method = basic::AMQPMethod::Return(basic::Return {
            reply_code: code.code(), reply_text: text, exchange, routing_key: key,
        });
        prop_assert_eq!(&wire, &their_method(channel, method.clone()));
        prop_assert_eq!(parse_frame(&wire[..]).unwrap().1, AMQPFrame::Method(channel, Method::Basic(method)));
    }

    #[test]
    fn publish_of_theirs_is_read(
        (channel, mandatory, immediate) in any::<(u16, bool, bool)>(),
        (exchange, routing_key) in (short_string(), short_string()),
    ) {
        let publish = basic::Publish { exchange, routing_key, mandatory, immediate };
        let wire = their_method(channel, basic::AMQPMethod::Publish(publish.clone()));
        prop_assert_eq!(MethodId::of(payload_of(&wire)).unwrap(), MethodId::BASIC_PUBLISH);
        let expected = hot::Publish {
            exchange: bytes_of(&publish.exchange), routing_key: bytes_of(&publish.routing_key), mandatory, immediate,
        };
        prop_assert_eq!(hot::Publish::decode(payload_of(&wire)).unwrap(), expected);
    }

    #[test]
    fn acknowledgements_are_read_and_written_as_theirs(
        (channel, tag, multiple, requeue) in any::<(u16, u64, bool, bool)>(),
    ) {
        let ack = their_method(channel, basic::AMQPMethod::Ack(basic::Ack { delivery_tag: tag, multiple }));
        prop_assert_eq!(hot::Ack::decode(payload_of(&ack)).unwrap(), hot::Ack { tag, multiple });
        prop_assert_eq!(ours(|out| hot::put_ack(out, channel, tag, multiple)), ack);
        let nack = basic::Nack { delivery_tag: tag, multiple, requeue };
        let nack = their_method(channel, basic::AMQPMethod::Nack(nack));
        prop_assert_eq!(hot::Nack::decode(payload_of(&nack)).unwrap(), hot::Nack { tag, multiple, requeue });
        prop_assert_eq!(ours(|out| hot::put_nack(out, channel, tag, multiple, requeue)), nack);
        let reject = their_method(channel, basic::AMQPMethod::Reject(basic::Reject { delivery_tag: tag, requeue }));
        prop_assert_eq!(hot::Reject::decode(payload_of(&reject)).unwrap(), hot::Reject { tag, requeue });
    }

    #[test]
    fn content_header_of_theirs_is_read_and_written_unchanged(
        channel in 1..=u16::MAX, body_size: u64, properties in properties(),
    ) {
        let header = AMQPContentHeader { class_id: 60, body_size, properties: properties.clone() };
        let wire = theirs(&AMQPFrame::Header(channel, header));
        let header = ContentHeader::decode(payload_of(&wire), &Limits::default()).unwrap();
        prop_assert_eq!(header.body_bytes, body_size);
        same_properties(&header.properties, &properties)?;
        let raw = header.properties.raw();
        prop_assert_eq!(ours(|out| content::put_header(out, channel, body_size, raw)), &wire[..]);
        let built = built(&properties);
        prop_assert_eq!(&built[..], raw, "the builder writes the same");
    }

    #[test]
    fn content_is_cut_into_frames_that_they_read(
        channel in 1..=u16::MAX,
        frame_max in prop_oneof![Just(0_u32), 4096..9000_u32, Just(131_072)],
        length in prop_oneof![0..20_usize, 4080..4104_usize, 8150..8200_usize, 0..30_000_usize],
    ) {
        let body: Bytes = (0..length).map(|index| index.to_le_bytes()[0]).collect();
        let mut out = Outgoing::new();
        content::put_content(&mut out, channel, frame_max, Properties::EMPTY.raw(), &body);
        let wire = drain(&mut out);
        let (mut rest, header) = parse_frame(&wire[..]).unwrap();
        let expected = AMQPContentHeader {
            class_id: 60, body_size: length as u64, properties: AMQPProperties::default(),
        };
        prop_assert_eq!(header, AMQPFrame::Header(channel, expected));
        let mut received = Vec::new();
        while !rest.is_empty() {
            let (after, frame) = parse_frame(rest).unwrap();
            prop_assert!(rest.len() - after.len() <= frame_max.max(4096) as usize);
            let AMQPFrame::Body(_, piece) = frame else { panic!("a body frame, not {frame}") };
            prop_assert!(!piece.is_empty());
            received.extend(piece);
            rest = after;
        }
        prop_assert_eq!(received, body);
    }

    #[test]
    fn tables_of_theirs_are_read_and_written_unchanged(table in field_table()) {
        let wire = gen_field_table(&table)(WriteContext::from(Vec::new())).unwrap().into_inner().0;
        let read = TableRef::decode(&wire[4..], &Limits::default()).unwrap();
        prop_assert_eq!(FieldTable::from(read), table.clone());
        let written = Table::from(&table);
        prop_assert_eq!(written.as_ref().raw(), &wire[4..]);
    }

    #[test]
    fn methods_with_tables_are_read_and_written_as_theirs(
        channel: u16, (name, text) in (short_string(), short_string()), table in field_table(), bits: [bool; 5],
    ) {
        let [passive, durable, exclusive, auto_delete, nowait] = bits;
        let declare = queue::Declare {
            queue: name.clone(), passive, durable, exclusive, auto_delete, nowait, arguments: table.clone(),
        };
        let start_ok = connection::StartOk {
            client_properties: table, mechanism: name, response: "\0guest\0guest".into(), locale: text.clone(),
        };
        let close = channel::Close { reply_code: 406, reply_text: text, class_id: 50, method_id: 10 };
        for method in [
            Method::Queue(queue::AMQPMethod::Declare(declare)),
            Method::Connection(connection::AMQPMethod::StartOk(start_ok)),
            Method::Channel(channel::AMQPMethod::Close(close)),
        ] {
            let wire = theirs(&AMQPFrame::Method(channel, method.clone()));
            prop_assert_eq!(&ours(|out| method::encode(channel, &method, out)), &wire);
            prop_assert_eq!(method::decode(payload_of(&wire), &Limits::default()).unwrap(), method);
        }
    }

    #[test]
    fn any_frame_is_cut_as_they_cut_it(channel in 1..=u16::MAX, body: Vec<u8>, after: Vec<u8>) {
        let wire = theirs(&AMQPFrame::Body(channel, body.clone()));
        let stream = [&wire[..], &after].concat();
        let cut = frame::cut(&stream, &Limits::default()).unwrap().unwrap();
        prop_assert_eq!((cut.kind, cut.channel, cut.payload), (FrameKind::Body, channel, &body[..]));
        prop_assert_eq!(cut.wire_bytes(), wire.len());
    }
}

#[test]
fn heartbeat_is_written_as_theirs() {
    assert_eq!(ours(frame::put_heartbeat), theirs(&AMQPFrame::Heartbeat));
}

/// Theirs are generated from the published specification.
#[test]
fn reply_codes_have_the_numbers_names_and_scopes_of_the_specification() {
    for number in 0..=1000 {
        let soft = AMQPSoftError::from_id(number).map(|error| (Scope::Channel, error.to_string()));
        let hard = AMQPHardError::from_id(number).map(|error| (Scope::Connection, error.to_string()));
        let ours = ReplyCode::from_code(number).map(|code| (code.scope(), code.name().replace('_', "-")));
        assert_eq!(ours, soft.or(hard), "{number}");
    }
}

/// Zeros are empty strings, empty tables and clear bits, so each method takes exactly one number of them.
#[test]
fn every_method_of_our_table_has_the_arguments_of_theirs() {
    for id in MethodId::ALL {
        let mut taken = 0;
        for zeros in 0..32 {
            let mut payload = [id.class.to_be_bytes(), id.method.to_be_bytes()].concat();
            payload.resize(4 + zeros, 0);
            let decoded = method::decode(&payload, &Limits::default());
            let is_theirs = matches!(amq_protocol::protocol::parse_class(&payload[..]), Ok(([], _)));
            assert_eq!(decoded.is_ok(), is_theirs, "{id} with {zeros} zeros: {decoded:?}");
            let Ok(method) = decoded else { continue };
            taken += 1;
            let wire = ours(|out| method::encode(0, &method, out));
            assert_eq!((MethodId::of(payload_of(&wire)), wire.len()), (Ok(*id), 7 + 4 + zeros + 1));
        }
        assert_eq!(taken, 1, "{id}");
    }
}

#[test]
fn our_table_of_methods_is_complete() {
    for class in 0..=100_u16 {
        for number in 0..=255_u16 {
            let id = MethodId { class, method: number };
            let payload = [class.to_be_bytes(), number.to_be_bytes()].concat();
            let is_theirs = (0..32).any(|zeros| {
                amq_protocol::protocol::parse_class(&[&payload[..], &vec![0; zeros]].concat()[..]).is_ok()
            });
            assert_eq!(id.name().is_some(), is_theirs, "{id}");
        }
    }
}

fn drain(out: &mut Outgoing) -> Vec<u8> {
    let mut wire = Vec::new();
    while !out.is_empty() {
        let mut slices = [std::io::IoSlice::new(b""); 3];
        let filled = out.io_slices(&mut slices);
        let part = slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<_>>();
        out.advance(part.len());
        wire.extend(part);
    }
    wire
}

fn same_properties(ours: &Properties<'_>, theirs: &AMQPProperties) -> Result<(), TestCaseError> {
    let text = |text: &'_ Option<ShortString>| text.as_ref().map(|text| bytes_of(text).to_vec());
    let vec = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    prop_assert_eq!(ours.flags(), theirs.bitmask());
    prop_assert_eq!(vec(ours.content_type()), text(theirs.content_type()));
    prop_assert_eq!(vec(ours.content_encoding()), text(theirs.content_encoding()));
    prop_assert_eq!(&ours.headers().map(FieldTable::from), theirs.headers());
    prop_assert_eq!(&ours.delivery_mode(), theirs.delivery_mode());
    prop_assert_eq!(&ours.priority(), theirs.priority());
    prop_assert_eq!(vec(ours.correlation_id()), text(theirs.correlation_id()));
    prop_assert_eq!(vec(ours.reply_to()), text(theirs.reply_to()));
    prop_assert_eq!(vec(ours.expiration()), text(theirs.expiration()));
    prop_assert_eq!(vec(ours.message_id()), text(theirs.message_id()));
    prop_assert_eq!(&ours.timestamp(), theirs.timestamp());
    prop_assert_eq!(vec(ours.type_()), text(theirs.kind()));
    prop_assert_eq!(vec(ours.user_id()), text(theirs.user_id()));
    prop_assert_eq!(vec(ours.app_id()), text(theirs.app_id()));
    prop_assert_eq!(vec(ours.cluster_id()), text(theirs.cluster_id()));
    Ok(())
}

fn built(theirs: &AMQPProperties) -> Vec<u8> {
    let mut builder = PropertiesBuilder::new();
    macro_rules! set {
        ($($getter:ident $setter:ident;)*) => {
            $(if let Some(text) = theirs.$getter() { builder = builder.$setter(text.as_str()); })*
        };
    }
    set! {
        content_type content_type;
        content_encoding content_encoding;
        correlation_id correlation_id;
        reply_to reply_to;
        expiration expiration;
        message_id message_id;
        kind type_;
        user_id user_id;
        app_id app_id;
        cluster_id cluster_id;
    }
    if let Some(headers) = theirs.headers() {
        builder = builder.headers(Table::from(headers).as_ref());
    }
    if let Some(value) = *theirs.delivery_mode() {
        builder = builder.delivery_mode(value);
    }
    if let Some(value) = *theirs.priority() {
        builder = builder.priority(value);
    }
    if let Some(value) = *theirs.timestamp() {
        builder = builder.timestamp(value);
    }
    builder.build()
}
