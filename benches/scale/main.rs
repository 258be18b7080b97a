//! How large and how fast the real process is, against what its machine can do: `cargo bench --bench scale`.
//!
//! ```text
//! cargo bench --bench scale                        all chapters, a million messages
//! cargo bench --bench scale -- deep 10000000       one chapter, ten million
//! ```
//! Every figure stands in one line with what it is held against and the ratio that is asked for. All of it is measured
//! in one run, each chapter with a process and a data directory of its own, below the build directory: what
//! that disk does is what the figures are about.
#![forbid(unsafe_code)]

mod api;
mod client;
mod deep;
mod machine;
mod many;
mod perf;
mod server;
mod table;
mod waits;

use std::error::Error;
use std::process::ExitCode;

use table::Table;

/// Why there is no figure.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Bytes of a message's body.
const BODY_BYTES: usize = 1024;

/// What one chapter is given: how many messages it may use, and where its figures go.
type Chapter = fn(u64, &mut Table) -> Outcome<()>;

const CHAPTERS: &[(&str, Chapter)] = &[
    ("deep", deep::measure),
    ("many", many::measure),
    ("waits", waits::measure),
    ("rates", perf::measure),
    ("api", api::measure),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scale: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let (mut messages, mut wanted) = (1_000_000, Vec::new());
    // `cargo bench` says `--bench` to every benchmark.
    for word in std::env::args().skip(1).filter(|word| word != "--bench") {
        match word.parse() {
            Ok(number) => messages = number,
            Err(_) if CHAPTERS.iter().any(|(name, _)| *name == word) => wanted.push(word),
            Err(_) => {
                let names: Vec<_> = CHAPTERS.iter().map(|(name, _)| *name).collect();
                return Err(
                    format!("`{word}` is no number and none of the chapters {}", names.join(", ")).into()
                );
            }
        }
    }
    let mut table = Table::default();
    for (name, chapter) in CHAPTERS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            eprintln!("{name}…");
            chapter(messages, &mut table)?;
        }
    }
    println!("{table}");
    Ok(())
}
