//! The walk over a method's arguments that stands before amq-protocol's parser.
//!
//! Invariant: what passes has exactly the arguments of its method, no more and no less, and every name in it is text.

use super::id::MethodId;
use crate::{
    cursor::Cursor,
    error::DecodeError,
    error::MALFORMED_UTF8,
    field::{TableRef, check_table_of_text_keys},
    limits::Limits,
};

/// How an argument is written. Neighbouring bits share an octet (§4.2.5.2), and no method has more than eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    Bits,
    Octet,
    Short,
    Long,
    LongLong,
    ShortString,
    LongString,
    Table,
}

impl Argument {
    fn take<'a>(self, cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
        match self {
            Self::Bits | Self::Octet => cursor.slice(1),
            Self::Short => cursor.slice(2),
            Self::Long => cursor.slice(4),
            Self::LongLong => cursor.slice(8),
            Self::ShortString => cursor.short_string(),
            Self::LongString | Self::Table => cursor.long_string(),
        }
    }
}

/// Checks the arguments in a payload that starts with this id.
pub fn check(id: MethodId, payload: &[u8], limits: Limits) -> Result<(), DecodeError> {
    let Some(signature) = id.signature() else {
        return Err(DecodeError::command(0, "unimplemented method"));
    };
    let arguments = payload.get(MethodId::WIRE_BYTES..).unwrap_or_default();
    let mut cursor = Cursor::starting_at(arguments, MethodId::WIRE_BYTES);
    for argument in signature {
        let at = cursor.at();
        let Some(value) = argument.take(&mut cursor) else {
            return Err(DecodeError::cannot_decode(at, arguments));
        };
        match argument {
            Argument::ShortString if std::str::from_utf8(value).is_err() => {
                return Err(DecodeError::frame(at, MALFORMED_UTF8));
            }
            Argument::Table => check_table_of_text_keys(value, at + 4, &limits)?,
            _ => {}
        }
    }
    if cursor.is_at_end() { Ok(()) } else { Err(DecodeError::cannot_decode(cursor.at(), arguments)) }
}

/// The table among the arguments, if this method has one.
pub fn table(id: MethodId, payload: &[u8]) -> Option<TableRef<'_>> {
    let mut cursor = Cursor::new(payload.get(MethodId::WIRE_BYTES..)?);
    for argument in id.signature()? {
        let value = argument.take(&mut cursor)?;
        if *argument == Argument::Table {
            return Some(TableRef::from_checked(value));
        }
    }
    None
}
