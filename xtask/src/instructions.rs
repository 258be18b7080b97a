//! Instructions per message, held by a table in the repository: a line that the machine's noise can't move.
//!
//! A bench of the rules passes messages under callgrind, once few and once many of them; what the runs differ by is
//! what the messages cost, because everything before them is the same. The release profile is measured, with the
//! command's allocator. Two measurements, also of builds in two places, mostly differ by 0.3 % at most; what is random in a
//! run (the order of a table of ten thousand bindings) was once 6 %, so a case has moved only if it has twice more.

mod callgrind;
mod table;

use std::fs;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::workspace;
use callgrind::Counter;
use table::{Table, Verdict};

/// The name of the step of the gate.
const STEP: &str = "instructions";

/// What only a change on purpose may do to the table.
const COMMAND: &str = "cargo xtask instructions --write";

/// What is done with what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is shown beside the table.
    Show,
    /// It becomes the table.
    Write,
    /// It must be what the table says, nearly.
    Hold,
}

/// Measures every case.
pub fn run(then: Then) -> Result<(), Failure> {
    if let Some(why) = callgrind::obstacle() {
        if then == Then::Hold && !workspace::is_ci() {
            eprintln!("==> {STEP} left out: {why}");
            return Ok(());
        }
        return Err(Failure::Impossible { step: STEP, why });
    }
    let counter = Counter::build()?;
    let mut measured = Table { tools: callgrind::tools()?, costs: counter.count_all()? };
    let path = path();
    let text = fs::read_to_string(&path);
    if then == Then::Write {
        let old = text.ok().and_then(|text| Table::parse(&text).ok()).unwrap_or_default();
        eprint!("{}", table::report(&old.compare(&measured)));
        return fs::write(&path, measured.to_string()).map_err(|source| Failure::File { path, source });
    }
    let expected = Table::parse(&text.map_err(|source| Failure::File { path, source })?)?;
    if then == Then::Hold {
        measure_again(&expected, &mut measured, &counter)?;
    }
    let lines = expected.compare(&measured);
    eprint!("{}", table::report(&lines));
    let moved = lines.iter().filter(|line| line.verdict() != Verdict::Holds).map(ToString::to_string);
    let cases: Vec<String> = moved.collect();
    if then == Then::Show || cases.is_empty() {
        return Ok(());
    }
    Err(Failure::Moved { cases, advice: advice(&expected, &measured, &counter) })
}

/// Measures the cases that seem to have moved again, twice at most.
fn measure_again(expected: &Table, measured: &mut Table, counter: &Counter) -> Result<(), Failure> {
    for _ in 0..2 {
        for line in expected.compare(measured).iter().filter(|line| line.has_moved()) {
            measured.set(line.case(), counter.count(line.case())?);
        }
    }
    Ok(())
}

fn path() -> PathBuf {
    workspace::root().join("benches").join("instructions.txt")
}

fn advice(expected: &Table, measured: &Table, counter: &Counter) -> String {
    let tools = if expected.tools == measured.tools {
        String::new()
    } else {
        format!("The table was measured with {}; this is {}.\n", expected.tools, measured.tools)
    };
    format!(
        "{tools}Where the instructions are: callgrind_annotate {}\n\
         If that is on purpose, update the table: {COMMAND}",
        counter.profile("CASE").display()
    )
}
