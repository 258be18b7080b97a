//! Tables of fields, and what brokers write into them.

use amqprs::{BasicProperties, FieldTable, FieldValue, ShortStr};
use leveret_interop_program::{Failure, Proof};

/// A table with these fields.
pub fn table<const N: usize>(fields: [(&str, FieldValue); N]) -> Proof<FieldTable> {
    let mut table = FieldTable::new();
    for (name, value) in fields {
        table.insert(ShortStr::try_from(name)?, value);
    }
    Ok(table)
}

/// A field of a table that must have it.
pub fn field(table: &FieldTable, name: &str) -> Proof<FieldValue> {
    let found = table.get(&ShortStr::try_from(name)?);
    found.cloned().ok_or_else(|| Failure::Failed(format!("no {name} in {table:?}")))
}

/// The entries of x-death.
pub fn deaths(properties: &BasicProperties) -> Proof<Vec<FieldTable>> {
    let headers = properties.headers().ok_or_else(|| Failure::Failed("no headers".to_owned()))?;
    match field(headers, "x-death")? {
        FieldValue::A(deaths) => {
            Vec::from(deaths).into_iter().map(|death| Ok(FieldTable::try_from(death)?)).collect()
        }
        other => Err(Failure::Failed(format!("x-death is {other:?}"))),
    }
}

/// The newest entry of x-death.
pub fn death(properties: &BasicProperties) -> Proof<FieldTable> {
    deaths(properties)?.into_iter().next().ok_or_else(|| Failure::Failed("x-death is empty".to_owned()))
}
