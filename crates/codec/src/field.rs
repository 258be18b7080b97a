//! Field values and tables, §4.2.5, in RabbitMQ's dialect.
//!
//! ```text
//! table  = length u32, { key short-string, value }
//! array  = length u32, { value }
//! value  = tag, then
//!          t bool   b i8   s i16   I i32   l i64   f f32   S long string   T seconds u64   F table
//!          V void   B u8   u u16   i u32   L i64   d f64   x bytes         D scale u8, u32  A array
//! ```
//!
//! The specification has `s` for short strings, `U` for i16 and `L`/`l` the other way round; no client agrees.
//!
//! Invariant: a [`TableRef`] or [`ArrayRef`] was checked from its first byte to its last by one walk of bounded depth, so
//! reading it is infallible; and it *is* the peer's bytes, with their order and their duplicates.

mod check;
mod convert;
mod table;
mod value;

pub use check::{check_table, check_table_of_text_keys, unsigned_long_tags};
pub use table::{ArrayBuilder, ArrayRef, Entry, Table, TableBuilder, TableRef};
pub use value::Value;
