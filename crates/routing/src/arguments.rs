//! Equality of arguments and headers, as something that can be hashed.
//!
//! [`Value::equivalent`] compares two values; a table of many needs a form that equal ones share. For
//! one value that is [`Plain`], which overlooks what is inside a table or an array, so equal plain forms
//! only suggest equality. For a set of arguments it is the canonical bytes, which prove it.

use leveret_codec::field::{ArrayRef, TableRef, Value};

/// A value without its width on the wire. Equivalent values have equal plain forms.
#[derive(Clone, Copy, Hash)]
pub enum Plain<'v> {
    Integer(i64),
    Float(u64),
    Text(&'v [u8]),
    Bool(bool),
    Timestamp(u64),
    Decimal(u8, u32),
    Void,
    Array,
    Table,
}

impl<'v> Plain<'v> {
    pub fn of(value: &Value<'v>) -> Self {
        match *value {
            Value::I8(number) => Self::Integer(number.into()),
            Value::U8(number) => Self::Integer(number.into()),
            Value::I16(number) => Self::Integer(number.into()),
            Value::U16(number) => Self::Integer(number.into()),
            Value::I32(number) => Self::Integer(number.into()),
            Value::U32(number) => Self::Integer(number.into()),
            Value::I64(number) => Self::Integer(number),
            Value::F32(number) => Self::Float(f64::from(number).to_bits()),
            Value::F64(number) => Self::Float(number.to_bits()),
            Value::Str(bytes) | Value::Bytes(bytes) => Self::Text(bytes),
            Value::Bool(yes) => Self::Bool(yes),
            Value::Timestamp(seconds) => Self::Timestamp(seconds),
            Value::Decimal { scale, value } => Self::Decimal(scale, value),
            Value::Void => Self::Void,
            Value::Array(_) => Self::Array,
            Value::Table(_) => Self::Table,
        }
    }

    fn put(self, form: &mut Vec<u8>) {
        match self {
            Self::Integer(number) => put_fixed(form, b'l', &number.to_be_bytes()),
            Self::Float(bits) => put_fixed(form, b'd', &bits.to_be_bytes()),
            Self::Text(bytes) => put_sized(form, b'S', bytes),
            Self::Bool(yes) => put_fixed(form, b't', &[u8::from(yes)]),
            Self::Timestamp(seconds) => put_fixed(form, b'T', &seconds.to_be_bytes()),
            Self::Decimal(scale, value) => {
                put_fixed(form, b'D', &[scale]);
                form.extend_from_slice(&value.to_be_bytes());
            }
            Self::Void => form.push(b'V'),
            Self::Array => form.push(b'A'),
            Self::Table => form.push(b'F'),
        }
    }
}

/// Bytes that are the same for two tables exactly if they are equivalent. No arguments, no allocation.
pub fn canonical(arguments: TableRef<'_>) -> Box<[u8]> {
    let mut form = Vec::new();
    put_entries(&mut form, arguments);
    form.into_boxed_slice()
}

/// Bytes that are the same for two values exactly if they are equivalent.
pub fn form(value: &Value<'_>) -> Vec<u8> {
    let mut form = Vec::new();
    put_value(&mut form, value);
    form
}

fn put_entries(form: &mut Vec<u8>, table: TableRef<'_>) {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| *key); // stable: the order of different keys says nothing, of equal ones it does
    for (key, value) in entries {
        put_sized(form, b'k', key);
        put_value(form, &value);
    }
}

fn put_items(form: &mut Vec<u8>, array: ArrayRef<'_>) {
    for value in array.iter() {
        put_value(form, &value);
    }
}

/// As deep as the codec lets tables be nested.
fn put_value(form: &mut Vec<u8>, value: &Value<'_>) {
    let mut inner = Vec::new();
    match value {
        Value::Table(table) => put_entries(&mut inner, *table),
        Value::Array(array) => put_items(&mut inner, *array),
        plain => return Plain::of(plain).put(form),
    }
    Plain::of(value).put(form);
    put_sized(form, b'n', &inner);
}

fn put_fixed(form: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    form.push(kind);
    form.extend_from_slice(bytes);
}

fn put_sized(form: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    form.push(kind);
    form.extend_from_slice(&bytes.len().to_be_bytes());
    form.extend_from_slice(bytes);
}
