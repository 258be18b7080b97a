//! Figures in lines, each beside what it is held against.

use std::fmt;

/// The figures of a run.
#[derive(Default)]
pub struct Table(Vec<[String; 5]>);

impl Table {
    /// A figure that is for information only.
    pub fn note(&mut self, name: &str, value: impl fmt::Display) {
        self.0.push([name.to_owned(), value.to_string(), String::new(), String::new(), String::new()]);
    }

    /// A figure with a limit of its own.
    pub fn limit(&mut self, name: &str, value: impl fmt::Display, asked: &str) {
        self.0.push([name.to_owned(), value.to_string(), String::new(), String::new(), asked.to_owned()]);
    }

    /// A figure as a ratio to another one of this run.
    pub fn ratio(&mut self, name: &str, (value, against): (f64, f64), asked: &str) {
        let ratio = format!("{:.2}", value / against);
        self.0.push([name.to_owned(), number(value), number(against), ratio, asked.to_owned()]);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| figure | value | against | ratio | asked |\n|---|--:|--:|--:|--:|")?;
        for [name, value, against, ratio, asked] in &self.0 {
            writeln!(f, "| {name} | {value} | {against} | {ratio} | {asked} |")?;
        }
        Ok(())
    }
}

/// Large numbers without decimals, small ones with three digits that count.
fn number(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// Bytes for reading.
pub struct Mebibytes(pub u64);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB", self.0 >> 20)
    }
}
