//! Tables of fields, and what brokers write into them.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use leveret_interop_program::{Failure, Proof};

/// A table with these fields.
pub fn table<const N: usize>(fields: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in fields {
        table.insert(name.into(), value);
    }
    table
}

/// The value of most fields.
pub fn text(value: impl AsRef<str>) -> AMQPValue {
    AMQPValue::LongString(value.as_ref().into())
}

/// A field of a table that must have it.
pub fn field(table: &FieldTable, name: &str) -> Proof<AMQPValue> {
    let found = table.inner().get(&ShortString::from(name));
    found.cloned().ok_or_else(|| Failure::Failed(format!("no {name} in {table:?}")))
}

/// The entries of x-death.
pub fn deaths(properties: &BasicProperties) -> Proof<Vec<FieldTable>> {
    let headers = properties.headers().as_ref().ok_or_else(|| Failure::Failed("no headers".to_owned()))?;
    let deaths = field(headers, "x-death")?;
    let entries = deaths.as_array().map(|entries| entries.as_slice().iter());
    let tables = entries.into_iter().flatten().map(AMQPValue::as_field_table);
    tables
        .map(|table| table.cloned().ok_or_else(|| Failure::Failed(format!("x-death is {deaths:?}"))))
        .collect()
}

/// The newest entry of x-death.
pub fn death(properties: &BasicProperties) -> Proof<FieldTable> {
    deaths(properties)?.into_iter().next().ok_or_else(|| Failure::Failed("x-death is empty".to_owned()))
}
