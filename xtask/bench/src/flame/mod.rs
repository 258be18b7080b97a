//! Where the broker's time goes under one case's load: `perf record` beside it, and a flame graph of what it saw.
//!
//! Stacks are walked by frame pointers, which costs the broker next to nothing, so the binary must have them; what the
//! compiler inlined is put back from the debug information, because in an optimised broker most of the hot path is.

mod drawing;
mod stacks;
mod symbols;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Outcome;
use crate::generator::Load;
use crate::server::{Programs, Server};

/// How long is recorded.
const WINDOW: Duration = Duration::from_secs(8);
/// How long the load runs before that.
const WARMUP: Duration = Duration::from_secs(2);
/// Samples a second and core. No divisor of anything that a broker or a kernel does in turns.
const FREQUENCY: &str = "1999";

/// How many lines of the source are named.
const HOTTEST: usize = 25;

/// Records the broker under `words`, the options of a load, and writes the picture.
pub fn record(programs: &Programs, title: &str, words: &str, to: &Path) -> Outcome<()> {
    let server = Server::leveret(programs, &[])?;
    let load = Load { words, warmup: WARMUP, window: WINDOW + Duration::from_secs(1), cores: &[] };
    let recorded = programs.work.join("perf.data");
    let profile = std::thread::scope(|scope| -> Outcome<_> {
        let figures = scope.spawn(|| load.run(programs, &server.served()));
        std::thread::sleep(WARMUP);
        sample(server.pid(), &recorded)?;
        // While the process is there, so are its mappings.
        let profile = stacks::read(&recorded, &symbols::Symbols::of(server.pid())?)?;
        // A load that failed is no load.
        figures.join().map_err(|_| "the generator's thread died")??;
        Ok(profile)
    })?;
    fs::remove_file(&recorded)?;
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, drawing::draw(title, &profile.calls))?;
    for (place, share) in profile.hottest().iter().take(HOTTEST) {
        println!("{:5.1} %  {place}", 100.0 * share);
    }
    eprintln!("{} samples: {}", profile.calls.samples(), to.display());
    Ok(())
}

fn sample(pid: u32, to: &Path) -> Outcome<()> {
    let output = Command::new("perf")
        .args(["record", "--quiet", "--call-graph", "fp", "--freq", FREQUENCY, "--pid", &pid.to_string()])
        .arg("--output")
        .arg(to)
        .args(["--", "sleep", &WINDOW.as_secs().to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("`perf` of linux-tools is needed: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }
}
