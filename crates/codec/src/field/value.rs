//! One field value.

use std::fmt;

use bytes::{BufMut as _, BytesMut};

use super::{ArrayRef, TableRef};
use crate::cursor::Cursor;

/// A field value as it stands in a table, borrowing what has a length.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the variants are named as their types")]
pub enum Value<'a> {
    Bool(bool),
    I8(i8),
    U8(u8),
    I16(i16),
    U16(u16),
    I32(i32),
    U32(u32),
    I64(i64),
    F32(f32),
    F64(f64),
    /// `value` with `scale` decimal places.
    Decimal {
        scale: u8,
        value: u32,
    },
    /// A long string: any bytes.
    Str(&'a [u8]),
    Array(ArrayRef<'a>),
    /// Seconds since 1970.
    Timestamp(u64),
    Table(TableRef<'a>),
    /// RabbitMQ's `x`.
    Bytes(&'a [u8]),
    Void,
}

impl<'a> Value<'a> {
    /// The name that RabbitMQ's error texts use for this type.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::I8(_) => "byte",
            Self::U8(_) => "unsignedbyte",
            Self::I16(_) => "short",
            Self::U16(_) => "unsignedshort",
            Self::I32(_) => "signedint",
            Self::U32(_) => "unsignedint",
            Self::I64(_) => "long",
            Self::F32(_) => "float",
            Self::F64(_) => "double",
            Self::Decimal { .. } => "decimal",
            Self::Str(_) => "longstr",
            Self::Array(_) => "array",
            Self::Timestamp(_) => "timestamp",
            Self::Table(_) => "table",
            Self::Bytes(_) => "binary",
            Self::Void => "void",
        }
    }

    /// The number of any of the seven integer types: Java sends `I` where Go sends `l` and means the same.
    pub fn as_integer(&self) -> Option<i64> {
        match *self {
            Self::I8(number) => Some(number.into()),
            Self::U8(number) => Some(number.into()),
            Self::I16(number) => Some(number.into()),
            Self::U16(number) => Some(number.into()),
            Self::I32(number) => Some(number.into()),
            Self::U32(number) => Some(number.into()),
            Self::I64(number) => Some(number),
            _ => None,
        }
    }

    /// The bytes of a long string or a byte array.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Str(bytes) | Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A long string that is text.
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            Self::Str(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    fn as_float(&self) -> Option<f64> {
        match *self {
            Self::F32(number) => Some(number.into()),
            Self::F64(number) => Some(number),
            _ => None,
        }
    }

    /// Whether two values mean the same: numbers by value whatever their width, strings and byte arrays by
    /// content, tables whatever their order. A bool is no number, and a timestamp none either.
    pub fn equivalent(&self, other: &Value<'_>) -> bool {
        if let (Some(left), Some(right)) = (self.as_integer(), other.as_integer()) {
            return left == right;
        }
        if let (Some(left), Some(right)) = (self.as_bytes(), other.as_bytes()) {
            return left == right;
        }
        if let (Some(left), Some(right)) = (self.as_float(), other.as_float()) {
            // Adding zero makes a negative zero positive; not-a-number is the same as itself.
            return (left + 0.0).total_cmp(&(right + 0.0)).is_eq();
        }
        match (self, other) {
            (Self::Table(left), Value::Table(right)) => left.equivalent(*right),
            (Self::Array(left), Value::Array(right)) => left.equivalent(*right),
            (Self::Bool(left), Value::Bool(right)) => left == right,
            (Self::Timestamp(left), Value::Timestamp(right)) => left == right,
            (Self::Decimal { .. }, Value::Decimal { .. }) | (Self::Void, Value::Void) => self == other,
            _ => false,
        }
    }

    /// Takes a value off checked bytes.
    pub(super) fn take(cursor: &mut Cursor<'a>) -> Option<Self> {
        Some(match cursor.u8()? {
            b't' => Self::Bool(cursor.u8()? != 0),
            b'b' => Self::I8(i8::from_be_bytes(cursor.array()?)),
            b'B' => Self::U8(cursor.u8()?),
            b's' => Self::I16(i16::from_be_bytes(cursor.array()?)),
            b'u' => Self::U16(cursor.u16()?),
            b'I' => Self::I32(i32::from_be_bytes(cursor.array()?)),
            b'i' => Self::U32(cursor.u32()?),
            b'l' | b'L' => Self::I64(i64::from_be_bytes(cursor.array()?)),
            b'f' => Self::F32(f32::from_be_bytes(cursor.array()?)),
            b'd' => Self::F64(f64::from_be_bytes(cursor.array()?)),
            b'D' => Self::Decimal { scale: cursor.u8()?, value: cursor.u32()? },
            b'S' => Self::Str(cursor.long_string()?),
            b'A' => Self::Array(ArrayRef::from_checked(cursor.long_string()?)),
            b'T' => Self::Timestamp(cursor.u64()?),
            b'F' => Self::Table(TableRef::from_checked(cursor.long_string()?)),
            b'x' => Self::Bytes(cursor.long_string()?),
            b'V' => Self::Void,
            _ => return None,
        })
    }

    /// Appends tag and value.
    pub(super) fn put(&self, out: &mut BytesMut) {
        match *self {
            Self::Bool(yes) => out.put_slice(&[b't', u8::from(yes)]),
            Self::I8(number) => put_fixed(out, b'b', &number.to_be_bytes()),
            Self::U8(number) => put_fixed(out, b'B', &number.to_be_bytes()),
            Self::I16(number) => put_fixed(out, b's', &number.to_be_bytes()),
            Self::U16(number) => put_fixed(out, b'u', &number.to_be_bytes()),
            Self::I32(number) => put_fixed(out, b'I', &number.to_be_bytes()),
            Self::U32(number) => put_fixed(out, b'i', &number.to_be_bytes()),
            Self::I64(number) => put_fixed(out, b'l', &number.to_be_bytes()),
            Self::F32(number) => put_fixed(out, b'f', &number.to_be_bytes()),
            Self::F64(number) => put_fixed(out, b'd', &number.to_be_bytes()),
            Self::Decimal { scale, value } => {
                put_fixed(out, b'D', &[scale]);
                out.put_u32(value);
            }
            Self::Str(bytes) => put_long(out, b'S', bytes),
            Self::Array(array) => put_long(out, b'A', array.raw()),
            Self::Timestamp(seconds) => put_fixed(out, b'T', &seconds.to_be_bytes()),
            Self::Table(table) => put_long(out, b'F', table.raw()),
            Self::Bytes(bytes) => put_long(out, b'x', bytes),
            Self::Void => out.put_u8(b'V'),
        }
    }
}

fn put_fixed(out: &mut BytesMut, tag: u8, bytes: &[u8]) {
    out.put_u8(tag);
    out.put_slice(bytes);
}

fn put_long(out: &mut BytesMut, tag: u8, bytes: &[u8]) {
    out.put_u8(tag);
    crate::cursor::put_long_string(out, bytes);
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(yes) => yes.fmt(f),
            Self::I8(number) => number.fmt(f),
            Self::U8(number) => number.fmt(f),
            Self::I16(number) => number.fmt(f),
            Self::U16(number) => number.fmt(f),
            Self::I32(number) => number.fmt(f),
            Self::U32(number) => number.fmt(f),
            Self::I64(number) => number.fmt(f),
            Self::F32(number) => number.fmt(f),
            Self::F64(number) => number.fmt(f),
            Self::Decimal { scale, value } => write!(f, "{value}e-{scale}"),
            Self::Str(bytes) | Self::Bytes(bytes) => write!(f, "{:?}", String::from_utf8_lossy(bytes)),
            Self::Array(array) => array.fmt(f),
            Self::Timestamp(seconds) => write!(f, "@{seconds}"),
            Self::Table(table) => table.fmt(f),
            Self::Void => f.write_str("void"),
        }
    }
}
