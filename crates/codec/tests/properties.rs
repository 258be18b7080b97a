//! Properties: found by their flags, rewritten without touching what nobody asked to change.
#![expect(clippy::unwrap_used, reason = "failing is how a test speaks")]

use leveret_codec::{Limits, Properties, PropertiesBuilder, Table, TableBuilder, Value};

fn headers() -> Table {
    let mut headers = TableBuilder::new();
    headers.insert("CC", Value::Str(b"a")).insert("BCC", Value::Str(b"b")).insert("x", Value::Void);
    headers.insert("BCC", Value::Str(b"c"));
    headers.build()
}

fn all() -> PropertiesBuilder<'static> {
    PropertiesBuilder::new()
        .content_type("text/plain")
        .content_encoding("gzip")
        .headers(headers().as_ref())
        .delivery_mode(2)
        .priority(0)
        .correlation_id("")
        .reply_to("answers")
        .expiration("1000")
        .message_id("m")
        .timestamp(0)
        .type_("t")
        .user_id("guest")
        .app_id("app")
        .cluster_id("c")
}

fn decode(bytes: &[u8]) -> Properties<'_> {
    Properties::decode(bytes, &Limits::default()).unwrap()
}

#[test]
fn every_property_is_found_among_all() {
    let bytes = all().build();
    let properties = decode(&bytes);
    assert_eq!(properties.flags(), 0xfffc);
    assert_eq!(properties.content_type(), Some(&b"text/plain"[..]));
    assert_eq!(properties.content_encoding(), Some(&b"gzip"[..]));
    assert_eq!(properties.headers().unwrap().raw(), headers().as_ref().raw());
    assert_eq!(properties.delivery_mode(), Some(2));
    assert_eq!(properties.priority(), Some(0));
    assert_eq!(properties.correlation_id(), Some(&b""[..]));
    assert_eq!(properties.reply_to(), Some(&b"answers"[..]));
    assert_eq!(properties.expiration(), Some(&b"1000"[..]));
    assert_eq!(properties.message_id(), Some(&b"m"[..]));
    assert_eq!(properties.timestamp(), Some(0));
    assert_eq!(properties.type_(), Some(&b"t"[..]));
    assert_eq!(properties.user_id(), Some(&b"guest"[..]));
    assert_eq!(properties.app_id(), Some(&b"app"[..]));
    assert_eq!(properties.cluster_id(), Some(&b"c"[..]));
}

#[test]
fn what_is_absent_is_not_what_is_empty() {
    let properties = Properties::EMPTY;
    assert_eq!((properties.flags(), properties.raw()), (0, &[0, 0][..]));
    assert_eq!(properties.content_type(), None);
    assert_eq!(properties.delivery_mode(), None);
    assert!(properties.headers().is_none());
    assert_eq!(properties, decode(&PropertiesBuilder::new().build()));
    let empty = PropertiesBuilder::new().correlation_id("").headers(Table::default().as_ref()).build();
    assert_eq!(decode(&empty).correlation_id(), Some(&b""[..]));
    assert!(decode(&empty).headers().unwrap().is_empty());
}

#[test]
fn the_common_flag_words_are_read() {
    let persistent = PropertiesBuilder::new().delivery_mode(2).build();
    assert_eq!(persistent, [0x10, 0, 2]);
    assert_eq!(decode(&persistent).delivery_mode(), Some(2));
    assert_eq!(decode(&persistent).cluster_id(), None);
    let typed = PropertiesBuilder::new().content_type("a/b").delivery_mode(1).build();
    assert_eq!(typed, b"\x90\x00\x03a/b\x01");
    assert_eq!(decode(&typed).delivery_mode(), Some(1));
    assert_eq!(decode(&typed).content_type(), Some(&b"a/b"[..]));
}

#[test]
fn reply_to_is_replaced_or_added_and_nothing_else_moves() {
    let bytes = all().build();
    let rewritten = decode(&bytes).with_reply_to(b"amq.rabbitmq.reply-to.x");
    assert_eq!(rewritten, all().reply_to("amq.rabbitmq.reply-to.x").build());
    let added = Properties::EMPTY.with_reply_to(b"q");
    assert_eq!(added, [0x02, 0x00, 1, b'q']);
}

#[test]
fn a_header_is_removed_wherever_it_stands() {
    let bytes = all().build();
    let rewritten = decode(&bytes).without_headers(|key| key == b"BCC");
    let mut kept = TableBuilder::new();
    kept.insert("CC", Value::Str(b"a")).insert("x", Value::Void);
    assert_eq!(rewritten, all().headers(kept.build().as_ref()).build());
    assert_eq!(decode(&bytes).without_headers(|key| key == b"absent"), bytes);
    assert_eq!(Properties::EMPTY.without_headers(|key| key == b"BCC"), [0, 0]);
}

#[test]
fn a_table_that_loses_its_last_header_stays() {
    let mut one = TableBuilder::new();
    one.insert("BCC", Value::Void);
    let bytes = PropertiesBuilder::new().headers(one.build().as_ref()).build();
    assert_eq!(decode(&bytes).without_headers(|key| key == b"BCC"), [0x20, 0, 0, 0, 0, 0]);
}

#[test]
fn expiration_is_taken_out_as_dead_lettering_does() {
    let bytes = all().build();
    let rewritten = decode(&bytes).to_builder().without_expiration().build();
    assert_eq!(decode(&rewritten).expiration(), None);
    assert_eq!(decode(&rewritten).cluster_id(), Some(&b"c"[..]));
    assert_eq!(rewritten.len(), bytes.len() - 5);
}

/// The Java, Go and Node clients cannot read `L`; RabbitMQ never sends it.
#[test]
fn unsigned_longs_become_longs_at_every_depth_and_strings_stay() {
    let table = |tag: u8| [b"\x01a", &[tag][..], &[0; 8], b"\x01bS\x00\x00\x00\x02\x01L"].concat();
    let headers = |tag| {
        let inner = table(tag);
        let length = u8::try_from(inner.len()).unwrap();
        [&inner[..], b"\x01fF\x00\x00\x00", &[length], &inner].concat()
    };
    let with = |tag| {
        let headers = headers(tag);
        let table = leveret_codec::TableRef::decode(&headers, &Limits::default()).unwrap();
        PropertiesBuilder::new().headers(table).priority(b'L').build()
    };
    let rewritten = decode(&with(b'L')).without_unsigned_long_tags();
    assert_eq!(rewritten, Some(with(b'l')));
    assert_eq!(decode(&with(b'l')).without_unsigned_long_tags(), None);
    assert_eq!(Properties::EMPTY.without_unsigned_long_tags(), None);
}
