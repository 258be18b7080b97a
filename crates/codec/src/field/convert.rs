//! To and from amq-protocol's tables, for the arguments of its method structs.
//!
//! What is lost: amq-protocol's tables are sorted, of duplicate keys they keep the last, and keys are text. Arguments of
//! a peer that must keep all that are read by `method::arguments` instead.

use amq_protocol::types::{
    AMQPValue, ByteArray, DecimalValue, FieldArray, FieldTable, LongString, ShortString,
};

use bytes::Bytes;

use super::{ArrayBuilder, ArrayRef, Table, TableBuilder, TableRef, Value};

impl From<&FieldTable> for Table {
    fn from(table: &FieldTable) -> Self {
        let mut builder = TableBuilder::new();
        for (key, value) in table {
            builder.insert(key.as_str(), borrowed(value, &mut Bytes::new()));
        }
        builder.build()
    }
}

impl From<&Table> for FieldTable {
    fn from(table: &Table) -> Self {
        Self::from(table.as_ref())
    }
}

impl From<TableRef<'_>> for FieldTable {
    fn from(table: TableRef<'_>) -> Self {
        let mut fields = Self::default();
        for (key, value) in table.iter() {
            fields.insert(short_string(key), owned(&value));
        }
        fields
    }
}

/// A view of the value; a nested table or array is written to `nested` and viewed there.
fn borrowed<'a>(value: &'a AMQPValue, nested: &'a mut Bytes) -> Value<'a> {
    match value {
        AMQPValue::Boolean(yes) => Value::Bool(*yes),
        AMQPValue::ShortShortInt(number) => Value::I8(*number),
        AMQPValue::ShortShortUInt(number) => Value::U8(*number),
        AMQPValue::ShortInt(number) => Value::I16(*number),
        AMQPValue::ShortUInt(number) => Value::U16(*number),
        AMQPValue::LongInt(number) => Value::I32(*number),
        AMQPValue::LongUInt(number) => Value::U32(*number),
        AMQPValue::LongLongInt(number) => Value::I64(*number),
        AMQPValue::Float(number) => Value::F32(*number),
        AMQPValue::Double(number) => Value::F64(*number),
        AMQPValue::DecimalValue(decimal) => Value::Decimal { scale: decimal.scale, value: decimal.value },
        AMQPValue::ShortString(text) => Value::Str(text.as_str().as_bytes()),
        AMQPValue::LongString(bytes) => Value::Str(bytes.as_bytes()),
        AMQPValue::FieldArray(values) => {
            *nested = encoded_array(values);
            Value::Array(ArrayRef::from_checked(nested))
        }
        AMQPValue::Timestamp(seconds) => Value::Timestamp(*seconds),
        AMQPValue::FieldTable(table) => {
            *nested = Table::from(table).into_bytes();
            Value::Table(TableRef::from_checked(nested))
        }
        AMQPValue::ByteArray(bytes) => Value::Bytes(bytes.as_slice()),
        AMQPValue::Void => Value::Void,
    }
}

fn encoded_array(values: &FieldArray) -> Bytes {
    let mut array = ArrayBuilder::new();
    for value in values.as_slice() {
        array.push(borrowed(value, &mut Bytes::new()));
    }
    array.into_bytes()
}

fn owned(value: &Value<'_>) -> AMQPValue {
    match *value {
        Value::Bool(yes) => AMQPValue::Boolean(yes),
        Value::I8(number) => AMQPValue::ShortShortInt(number),
        Value::U8(number) => AMQPValue::ShortShortUInt(number),
        Value::I16(number) => AMQPValue::ShortInt(number),
        Value::U16(number) => AMQPValue::ShortUInt(number),
        Value::I32(number) => AMQPValue::LongInt(number),
        Value::U32(number) => AMQPValue::LongUInt(number),
        Value::I64(number) => AMQPValue::LongLongInt(number),
        Value::F32(number) => AMQPValue::Float(number),
        Value::F64(number) => AMQPValue::Double(number),
        Value::Decimal { scale, value } => AMQPValue::DecimalValue(DecimalValue { scale, value }),
        Value::Str(bytes) => AMQPValue::LongString(LongString::from(bytes)),
        Value::Array(array) => AMQPValue::FieldArray(owned_array(array)),
        Value::Timestamp(seconds) => AMQPValue::Timestamp(seconds),
        Value::Table(table) => AMQPValue::FieldTable(table.into()),
        Value::Bytes(bytes) => AMQPValue::ByteArray(ByteArray::from(bytes)),
        Value::Void => AMQPValue::Void,
    }
}

fn owned_array(array: ArrayRef<'_>) -> FieldArray {
    array.iter().map(|value| owned(&value)).collect::<Vec<_>>().into()
}

/// Keys that are no text get replacement characters, which may be longer than what they replace.
fn short_string(bytes: &[u8]) -> ShortString {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    text.truncate(text.floor_char_boundary(255));
    ShortString::try_new(text).unwrap_or_default()
}
