//! Strategies for amq-protocol's own values, so that it can play the oracle.

use amq_protocol::{
    protocol::basic::AMQPProperties,
    types::{AMQPValue, ByteArray, DecimalValue, FieldArray, FieldTable, LongString, ShortString},
};
use proptest::{collection, option, prelude::*};

/// Text that fits a short string, long ones included.
pub fn short_string() -> impl Strategy<Value = ShortString> {
    prop_oneof![
        4 => "[a-z.#*/é]{0,12}",
        1 => "\\PC{0,63}",
        1 => "[ -~]{250,255}",
    ]
    .prop_map(|text| ShortString::try_new(text).unwrap())
}

fn long_string() -> impl Strategy<Value = LongString> {
    collection::vec(any::<u8>(), 0..40).prop_map(LongString::from)
}

fn scalar() -> impl Strategy<Value = AMQPValue> {
    prop_oneof![
        any::<bool>().prop_map(AMQPValue::Boolean),
        any::<i8>().prop_map(AMQPValue::ShortShortInt),
        any::<u8>().prop_map(AMQPValue::ShortShortUInt),
        any::<i16>().prop_map(AMQPValue::ShortInt),
        any::<u16>().prop_map(AMQPValue::ShortUInt),
        any::<i32>().prop_map(AMQPValue::LongInt),
        any::<u32>().prop_map(AMQPValue::LongUInt),
        any::<i64>().prop_map(AMQPValue::LongLongInt),
        any::<f32>().prop_map(AMQPValue::Float),
        any::<f64>().prop_map(AMQPValue::Double),
        any::<(u8, u32)>().prop_map(|(scale, value)| AMQPValue::DecimalValue(DecimalValue { scale, value })),
        long_string().prop_map(AMQPValue::LongString),
        any::<u64>().prop_map(AMQPValue::Timestamp),
        collection::vec(any::<u8>(), 0..40).prop_map(|bytes| AMQPValue::ByteArray(ByteArray::from(bytes))),
        Just(AMQPValue::Void),
    ]
}

fn value() -> impl Strategy<Value = AMQPValue> {
    scalar().prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6)
                .prop_map(|values| AMQPValue::FieldArray(FieldArray::from(values))),
            entries(inner).prop_map(AMQPValue::FieldTable),
        ]
    })
}

fn entries(value: impl Strategy<Value = AMQPValue>) -> impl Strategy<Value = FieldTable> {
    collection::btree_map("[a-z-]{0,8}".prop_map(|key| ShortString::try_new(key).unwrap()), value, 0..6)
        .prop_map(FieldTable::from)
}

/// A table with every kind of value, nested.
pub fn field_table() -> impl Strategy<Value = FieldTable> {
    entries(value())
}

/// Any subset of the fourteen properties.
pub fn properties() -> impl Strategy<Value = AMQPProperties> {
    let text = || option::of(short_string());
    (
        (text(), text(), option::of(field_table()), option::of(any::<u8>()), option::of(any::<u8>()), text(), text()),
        (text(), text(), option::of(any::<u64>()), text(), text(), text(), text()),
    )
        .prop_map(|(front, back)| {
            let mut built = AMQPProperties::default();
            macro_rules! set {
                ($($setter:ident $value:expr;)*) => { $(if let Some(value) = $value { built = built.$setter(value); })* };
            }
            set! {
                with_content_type front.0;
                with_content_encoding front.1;
                with_headers front.2;
                with_delivery_mode front.3;
                with_priority front.4;
                with_correlation_id front.5;
                with_reply_to front.6;
                with_expiration back.0;
                with_message_id back.1;
                with_timestamp back.2;
                with_type back.3;
                with_user_id back.4;
                with_app_id back.5;
                with_cluster_id back.6;
            }
            built
        })
}
