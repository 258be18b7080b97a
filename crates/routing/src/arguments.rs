//! Equality of argument tables, as bytes.
//!
//! Two tables are the same set of arguments exactly if their canonical forms are the same bytes. The
//! form sorts the entries, writes an integer of any width as 64 bits and a byte array as a string;
//! so it agrees with [`Value::equivalent`], and gives the hash that pairwise comparison can't.

use leveret_codec::field::{ArrayRef, TableRef, Value};

/// The form that equal sets of arguments share. Nothing in, nothing out, nothing allocated.
pub fn canonical(table: TableRef<'_>) -> Box<[u8]> {
    let mut form = Vec::new();
    put_entries(&mut form, table);
    form.into_boxed_slice()
}

fn put_entries(form: &mut Vec<u8>, table: TableRef<'_>) {
    let mut entries: Vec<(&[u8], Vec<u8>)> = table
        .iter()
        .map(|(key, value)| {
            let mut form = Vec::new();
            put_value(&mut form, &value);
            (key, form)
        })
        .collect();
    entries.sort_by_key(|(key, _)| *key); // stable: of equal keys the order counts
    for (key, value) in entries {
        put_sized(form, b'k', key);
        form.extend_from_slice(&value);
    }
}

fn put_items(form: &mut Vec<u8>, array: ArrayRef<'_>) {
    for value in array.iter() {
        put_value(form, &value);
    }
}

fn put_value(form: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Table(table) => put_nested(form, b'F', |form| put_entries(form, *table)),
        Value::Array(array) => put_nested(form, b'A', |form| put_items(form, *array)),
        scalar => put_scalar(form, scalar),
    }
}

/// Everything but tables and arrays, of which only the kind is written.
pub fn put_scalar(form: &mut Vec<u8>, value: &Value<'_>) {
    if let Some(integer) = value.as_integer() {
        return put_fixed(form, b'l', integer.cast_unsigned());
    }
    match value {
        Value::Bool(bool) => form.extend_from_slice(&[b't', u8::from(*bool)]),
        Value::F32(float) => put_fixed(form, b'd', f64::from(*float).to_bits()),
        Value::F64(float) => put_fixed(form, b'd', float.to_bits()),
        Value::Decimal { scale, value } => {
            form.extend_from_slice(&[b'D', *scale]);
            form.extend_from_slice(&value.to_be_bytes());
        }
        Value::Timestamp(seconds) => put_fixed(form, b'T', *seconds),
        Value::Str(bytes) | Value::Bytes(bytes) => put_sized(form, b'S', bytes),
        Value::Table(_) => form.push(b'F'),
        Value::Array(_) => form.push(b'A'),
        // The integers are done.
        _ => form.push(b'V'),
    }
}

fn put_fixed(form: &mut Vec<u8>, kind: u8, value: u64) {
    form.push(kind);
    form.extend_from_slice(&value.to_be_bytes());
}

fn put_nested(form: &mut Vec<u8>, kind: u8, put: impl FnOnce(&mut Vec<u8>)) {
    let mut nested = Vec::new();
    put(&mut nested);
    put_sized(form, kind, &nested);
}

fn put_sized(form: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    form.push(kind);
    form.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    form.extend_from_slice(bytes);
}
