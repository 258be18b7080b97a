//! On what, of what and when the figures were taken.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::Outcome;

/// What a reader must know to believe a figure.
#[derive(Debug)]
pub struct Conditions {
    pub commit: String,
    pub date: String,
    pub machine: String,
    pub rounds: u32,
    pub window_seconds: f64,
}

impl Conditions {
    /// Those of here and now; `root` is where the source is.
    pub fn now(root: &Path, rounds: u32, window_seconds: f64) -> Outcome<Self> {
        let said = |program: &str, words: &[&str]| -> Outcome<String> {
            let output = Command::new(program).args(words).current_dir(root).output()?;
            Ok(String::from_utf8(output.stdout)?.trim().to_owned())
        };
        Ok(Self {
            commit: said("git", &["describe", "--always", "--dirty", "--abbrev=12"])?,
            date: said("date", &["-u", "+%Y-%m-%d %H:%M UTC"])?,
            machine: machine()?,
            rounds,
            window_seconds,
        })
    }

    pub fn to_markdown(&self) -> String {
        let Self { commit, date, machine, rounds, window_seconds } = self;
        let rounds = if *rounds == 1 { "1 round".to_owned() } else { format!("{rounds} rounds") };
        format!("Commit {commit}, {date}, {rounds} of {window_seconds} s, on {machine}.\n")
    }

    pub fn to_json(&self) -> Value {
        let Self { commit, date, machine, rounds, window_seconds } = self;
        json!({ "commit": commit, "date": date, "machine": machine, "rounds": rounds, "window_seconds": window_seconds })
    }
}

fn machine() -> Outcome<String> {
    let cores = std::thread::available_parallelism()?;
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = field(&processors, "model name").unwrap_or("a processor without a name");
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kibibytes = field(&memory, "MemTotal").and_then(|text| text.strip_suffix(" kB")?.parse::<u64>().ok());
    let gibibytes = kibibytes.unwrap_or_default() >> 20;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(format!("{cores} cores of {model}, {gibibytes} GiB, Linux {}", kernel.trim()))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_described_by_what_the_system_says() {
        assert_eq!(field("processor\t: 0\nmodel name\t: A B\n", "model name"), Some("A B"));
        assert!(machine().unwrap().contains(" cores of "));
    }

    #[test]
    fn conditions_are_one_sentence() {
        let conditions = Conditions {
            commit: "abc".to_owned(),
            date: "today".to_owned(),
            machine: "2 cores".to_owned(),
            rounds: 3,
            window_seconds: 5.0,
        };
        assert_eq!(conditions.to_markdown(), "Commit abc, today, 3 rounds of 5 s, on 2 cores.\n");
    }
}
