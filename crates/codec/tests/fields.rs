//! Tables and values: RabbitMQ's dialect, order, duplicates, and what counts as the same.
#![expect(clippy::unwrap_used, reason = "failing is how a test speaks")]

use bytes::Bytes;
use leveret_codec::{
    Limits, Table, TableBuilder, TableRef, Value,
    field::ArrayBuilder,
    method::{self, Method, queue, types::FieldTable},
};

/// Every tag of the dialect once, in an order that nobody would sort into.
const EVERY_TAG: &[u8] =
    b"\x01zt\x02\x01yb\xff\x01xB\xff\x01ws\xff\xfe\x01vu\xff\xfe\x01uI\xff\xff\xff\xfd\x01ti\xff\xff\xff\xfd\
    \x01sl\xff\xff\xff\xff\xff\xff\xff\xfc\x01rL\xff\xff\xff\xff\xff\xff\xff\xfb\x01qf\x3f\x80\x00\x00\
    \x01pd\x3f\xf0\x00\x00\x00\x00\x00\x00\x01oD\x02\x00\x00\x01\x00\x01nS\x00\x00\x00\x02\xff\x00\
    \x01mA\x00\x00\x00\x03b\x01V\x01lT\x00\x00\x00\x00\x00\x00\x00\x07\x01kF\x00\x00\x00\x04\x01ab\x01\
    \x01jx\x00\x00\x00\x01\x00\x01iV";

fn every_tag() -> TableRef<'static> {
    TableRef::decode(EVERY_TAG, &Limits::default()).unwrap()
}

fn table(entries: &[(&str, Value<'_>)]) -> Table {
    let mut table = TableBuilder::new();
    for (key, value) in entries {
        table.insert(key, *value);
    }
    table.build()
}

#[test]
fn every_tag_is_read_in_its_place_with_rabbitmqs_meaning_and_name() {
    let described: Vec<String> = every_tag()
        .iter()
        .map(|(key, value)| format!("{}:{} {value}", String::from_utf8_lossy(key), value.type_name()))
        .collect();
    let expected = [
        "z:bool true",
        "y:byte -1",
        "x:unsignedbyte 255",
        "w:short -2",
        "v:unsignedshort 65534",
        "u:signedint -3",
        "t:unsignedint 4294967293",
        "s:long -4",
        "r:long -5",
        "q:float 1",
        "p:double 1",
        "o:decimal 256e-2",
        "n:longstr \"\u{fffd}\\0\"",
        "m:array [1, void]",
        "l:timestamp @7",
        "k:table {a: 1}",
        "j:binary \"\\0\"",
        "i:void void",
    ];
    assert_eq!(described, expected);
}

#[test]
fn a_table_written_value_by_value_has_the_same_bytes_but_for_odd_bools_and_l() {
    let mut rewritten = TableBuilder::new();
    for (key, value) in every_tag().iter() {
        rewritten.insert(key, value);
    }
    let mut expected = EVERY_TAG.to_vec();
    expected[3] = 1;
    let place = expected.windows(3).position(|window| window == b"\x01rL").unwrap();
    expected[place + 2] = b'l';
    assert_eq!(rewritten.build().as_ref().raw(), expected);
}

#[test]
fn duplicates_stay_and_the_first_one_is_found() {
    let raw = b"\x01bV\x01ab\x01\x01ab\x02";
    let table = Table::decode(Bytes::from_static(raw), &Limits::default()).unwrap();
    assert_eq!(table.as_ref().get(b"a"), Some(Value::I8(1)));
    assert_eq!(table.as_ref().get(b"c"), None);
    assert_eq!(table.as_ref().iter().count(), 3);
    assert_eq!(table.as_ref().raw(), raw);
    assert_eq!(table.to_string(), "{b: void, a: 1, a: 2}");
}

#[test]
fn arguments_of_a_method_are_found_as_they_came() {
    let raw = b"\x01bV\x01ab\x01\x01ab\x02";
    let payload = [&[0, 50, 0, 10, 0, 0, 1, b'q', 0][..], &[0, 0, 0, 11], raw].concat();
    let Method::Queue(queue::AMQPMethod::Declare(declare)) =
        method::decode(&payload, &Limits::default()).unwrap()
    else {
        panic!("a queue.declare")
    };
    assert_eq!(Table::from(&declare.arguments).to_string(), "{a: 2, b: void}", "amq-protocol keeps the last");
    assert_eq!(method::arguments(&payload).unwrap().raw(), raw);
    assert_eq!(method::arguments(&[0, 20, 0, 41]), None);
}

#[test]
fn integers_of_any_width_are_the_same_number_and_nothing_else_is_a_number() {
    let sevens = [
        Value::I8(7),
        Value::U8(7),
        Value::I16(7),
        Value::U16(7),
        Value::I32(7),
        Value::U32(7),
        Value::I64(7),
    ];
    for left in sevens {
        assert_eq!(left.as_integer(), Some(7));
        assert!(sevens.iter().all(|right| left.equivalent(right)));
        for other in [Value::I8(8), Value::Timestamp(7), Value::F64(7.0), Value::Str(b"7"), Value::Bool(true)]
        {
            assert!(!left.equivalent(&other) && !other.equivalent(&left), "{left} and {other}");
        }
    }
    assert!(!Value::I8(1).equivalent(&Value::Bool(true)));
    assert_eq!(Value::U32(u32::MAX).as_integer(), Some(4_294_967_295));
    for other in [Value::Timestamp(7), Value::F32(7.0), Value::Bool(true), Value::Void] {
        assert_eq!(other.as_integer(), None);
    }
}

#[test]
fn strings_floats_and_the_rest_are_the_same_by_content() {
    assert!(Value::Str(b"a").equivalent(&Value::Bytes(b"a")));
    assert!(!Value::Str(b"a").equivalent(&Value::Str(b"b")));
    assert!(Value::F32(1.5).equivalent(&Value::F64(1.5)));
    assert!(Value::F64(0.0).equivalent(&Value::F64(-0.0)));
    assert!(Value::F64(-0.0).equivalent(&Value::F64(0.0)));
    assert!(Value::F64(f64::NAN).equivalent(&Value::F64(f64::NAN)));
    assert!(Value::Void.equivalent(&Value::Void));
    assert!(Value::Timestamp(1).equivalent(&Value::Timestamp(1)));
    assert!(!Value::Decimal { scale: 1, value: 10 }.equivalent(&Value::Decimal { scale: 2, value: 10 }));
}

#[test]
fn tables_are_the_same_in_any_order_and_arrays_only_in_theirs() {
    let one = table(&[("a", Value::I32(1)), ("b", Value::Str(b"x"))]);
    let other = table(&[("b", Value::Bytes(b"x")), ("a", Value::I64(1))]);
    assert_ne!(one, other);
    assert!(Value::Table(one.as_ref()).equivalent(&Value::Table(other.as_ref())));
    let more = table(&[("a", Value::I32(1)), ("b", Value::Str(b"x")), ("b", Value::Str(b"x"))]);
    assert!(!one.as_ref().equivalent(more.as_ref()));
    let (mut forth, mut back) = (ArrayBuilder::new(), ArrayBuilder::new());
    forth.push(Value::I8(1)).push(Value::Table(one.as_ref()));
    back.push(Value::Table(other.as_ref())).push(Value::I8(1));
    assert!(Value::Array(forth.as_ref()).equivalent(&Value::Array(forth.as_ref())));
    assert!(!Value::Array(forth.as_ref()).equivalent(&Value::Array(back.as_ref())));
    back.push(Value::Void);
    assert!(!back.as_ref().equivalent(forth.as_ref()));
}

#[test]
fn keys_are_cut_where_the_wire_ends() {
    let long = "k".repeat(300);
    let table = table(&[(&long, Value::Void)]);
    assert_eq!(table.as_ref().iter().next().unwrap().0.len(), 255);
    assert!(TableRef::decode(table.as_ref().raw(), &Limits::default()).is_ok());
}

#[test]
fn keys_that_are_no_text_become_text_for_amq_protocol() {
    let mut raw = vec![255];
    raw.extend([0xff; 255]);
    raw.push(b'V');
    let fields = FieldTable::from(TableRef::decode(&raw, &Limits::default()).unwrap());
    assert_eq!(fields.inner().keys().next().unwrap().as_str().len(), 255);
}
