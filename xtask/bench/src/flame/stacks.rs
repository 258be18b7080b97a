//! The output of `perf script`, folded: a tree of calls, each node with the samples in it and below it.
//!
//! Invariant: a node's samples are at least the sum of its children's; the difference is its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::symbols::Symbols;
use crate::Outcome;
use crate::process::as_float;

/// Where libc begins a thread.
const BEGINNINGS: &[&str] = &["start_thread", "__clone3", "clone3"];

/// A function, called from where it hangs in the tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Call {
    samples: u64,
    below: BTreeMap<String, Self>,
}

impl Call {
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// What it called, by name.
    pub fn below(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.below.iter().map(|(name, call)| (name.as_str(), call))
    }

    /// One sample of a stack, its outermost call first. What calls itself is one call.
    fn add(&mut self, names: impl Iterator<Item = String>) {
        self.samples += 1;
        let mut names: Vec<String> = names.collect();
        names.dedup();
        let mut at = self;
        for name in names {
            at = at.below.entry(name).or_default();
            at.samples += 1;
        }
    }
}

/// A recording, read.
#[derive(Debug, Default)]
pub struct Profile {
    /// One tree, a branch for each kind of thread.
    pub calls: Call,
    /// Where samples were taken, by line: a box of the picture is a function, which may be long.
    places: BTreeMap<String, u64>,
}

impl Profile {
    /// The places with most samples first, with their share of all.
    pub fn hottest(&self) -> Vec<(&str, f64)> {
        let share = |samples: u64| as_float(samples) / as_float(self.calls.samples.max(1));
        let mut places: Vec<(&str, f64)> =
            self.places.iter().map(|(place, samples)| (place.as_str(), share(*samples))).collect();
        places.sort_by(|a, b| b.1.total_cmp(&a.1));
        places
    }
}

/// Reads what `perf record` wrote.
pub fn read(recorded: &Path, symbols: &Symbols) -> Outcome<Profile> {
    let mut script = Command::new("perf")
        .args(["script", "--no-inline", "--fields", "comm,ip,sym,dso", "--input"])
        .arg(recorded)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let lines = BufReader::new(script.stdout.take().ok_or("no standard output")?);
    let folded = fold(lines, symbols)?;
    let status = script.wait()?;
    if !status.success() || folded.calls.samples == 0 {
        return Err(format!("perf script saw no samples ({status})").into());
    }
    Ok(folded)
}

/// A sample is a line with the thread's name, then a line for each frame from the innermost out, then an empty line.
pub fn fold(lines: impl BufRead, symbols: &Symbols) -> Outcome<Profile> {
    let mut profile = Profile::default();
    let mut thread = String::new();
    let mut frames: Vec<String> = Vec::new();
    for line in lines.lines() {
        let line = line?;
        if line.trim().is_empty() {
            if !thread.is_empty() {
                profile.calls.add(std::iter::once(std::mem::take(&mut thread)).chain(frames.drain(..).rev()));
            }
        } else if line.starts_with(char::is_whitespace) && !thread.is_empty() {
            let names = frame(&line, frames.is_empty(), symbols);
            if frames.is_empty() {
                let place = place(&line, symbols).or_else(|| names.first().cloned());
                *profile.places.entry(place.unwrap_or_default()).or_default() += 1;
            }
            frames.extend(names);
        } else {
            line.trim().clone_into(&mut thread);
        }
    }
    Ok(profile)
}

/// The functions of one frame from the innermost out: more than one where the compiler inlined.
fn frame(line: &str, innermost: bool, symbols: &Symbols) -> Vec<String> {
    let line = line.trim();
    let Some((address, rest)) = line.split_once(' ') else { return Vec::new() };
    let (name, object) = rest.rsplit_once(" (").unwrap_or((rest, ""));
    if (name == "[unknown]" && object.starts_with("[unknown]")) || BEGINNINGS.contains(&name) {
        return Vec::new();
    }
    let known = u64::from_str_radix(address, 16)
        .ok()
        // A caller's address is that of the instruction it returns to, which may belong to the next line.
        .map(|address| if innermost { address } else { address.saturating_sub(1) })
        .filter(|_| symbols.is_of(object.trim_end_matches(')')))
        .map(|address| symbols.names(address));
    known.unwrap_or_else(|| vec![plain_name(name, object.trim_end_matches(')'))])
}

/// The line of the source that a frame stands at, where that is known.
fn place(line: &str, symbols: &Symbols) -> Option<String> {
    let (address, rest) = line.trim().split_once(' ')?;
    let (_, object) = rest.rsplit_once(" (")?;
    let address = u64::from_str_radix(address, 16).ok()?;
    symbols.is_of(object.trim_end_matches(')')).then(|| symbols.place(address))?
}

/// What is said of code without debug information: ` [k]` marks the kernel's, and where nothing is known but the
/// library, its name has to do.
fn plain_name(name: &str, object: &str) -> String {
    match (name, object) {
        (_, "[kernel.kallsyms]") => format!("{name} [k]"),
        ("[unknown]", _) => object.rsplit('/').next().unwrap_or(object).to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "worker \n\tffff1 tcp_sendmsg ([kernel.kallsyms])\n\t 7f01 write (/usr/lib/libc.so.6)\n\t 5501 [unknown] (/usr/lib/liba.so)\n\nworker \n\t 7f01 write (/usr/lib/libc.so.6)\n\t 5501 [unknown] (/usr/lib/liba.so)\n\t 0 [unknown] ([unknown])\n\n";

    #[test]
    fn samples_with_the_same_callers_share_a_branch() {
        let root = fold(SCRIPT.as_bytes(), &Symbols::none()).unwrap().calls;
        let path = ["worker", "liba.so", "write", "tcp_sendmsg [k]"];
        let mut at = &root;
        let mut seen = vec![at.samples()];
        for name in path {
            at = at.below().find(|(below, _)| *below == name).unwrap().1;
            seen.push(at.samples());
        }
        assert_eq!(seen, [2, 2, 2, 2, 1]);
    }

    #[test]
    fn the_hottest_places_are_where_samples_end() {
        let profile = fold(SCRIPT.as_bytes(), &Symbols::none()).unwrap();
        assert_eq!(profile.hottest(), [("tcp_sendmsg [k]", 0.5), ("write", 0.5)]);
    }

    #[test]
    fn what_nobody_can_name_is_left_out() {
        assert_eq!(frame("\t 0 [unknown] ([unknown])", true, &Symbols::none()), Vec::<String>::new());
    }
}
