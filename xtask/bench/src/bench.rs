//! `cargo xtask bench`: runs the matrix in interleaved rounds, and writes the page.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::Outcome;
use crate::case::Case;
use crate::charts::charts;
use crate::conditions::Conditions;
use crate::contender::{Contender, Peer, Ring};
use crate::figure::{Figure, Figures};
use crate::matrix::{self, CASES};
use crate::results::{Key, RABBITMQ, Results};
use crate::server::Programs;
use crate::{document, tables};

/// Options of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub struct BenchOptions {
    /// A running RabbitMQ 4.3, which the targets are about
    #[arg(long, value_name = "URL")]
    rabbitmq: Option<String>,
    /// Any other broker
    #[arg(long, value_name = "NAME=URL", value_parser = peer)]
    other: Vec<Peer>,
    /// How often everything is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How long each time
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// One round of a second: to see that it works, not how fast
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,
    /// These cases alone
    #[arg(long, value_name = "CASE", num_args = 1..)]
    only: Vec<String>,
    /// Say which cases there are
    #[arg(long)]
    list: bool,
    /// Where the page and its folder go [default: docs; with --quick or --only, where data directories go]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

fn peer(text: &str) -> Result<Peer, &'static str> {
    let (name, url) = text.split_once('=').ok_or("NAME=URL is expected")?;
    Ok(Peer { name: name.to_owned(), url: url.to_owned() })
}

/// Runs what is asked for; says at the end what could not be measured.
pub fn run(programs: &Programs, options: &BenchOptions) -> Outcome<()> {
    let cases = chosen(&options.only)?;
    if options.list {
        for case in cases {
            println!("{:12} {}", case.name, case.title);
        }
        return Ok(());
    }
    let mut peers: Vec<Peer> =
        options.rabbitmq.iter().map(|url| Peer { name: RABBITMQ.to_owned(), url: url.clone() }).collect();
    peers.extend(options.other.iter().cloned());
    let (rounds, seconds) = if options.quick { (1, 1) } else { (options.rounds, options.seconds) };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
    let conditions = Conditions::now(root, rounds, seconds.into())?;
    let ring = Ring { programs, warmup: Duration::from_secs(1), window: Duration::from_secs(seconds.into()) };
    let mut results = Results::default();
    for case in &cases {
        measure(&ring, case, (rounds, &peers), &mut results);
    }
    let is_part = options.quick || !options.only.is_empty();
    let usual = if is_part { programs.work.clone() } else { root.join("docs") };
    let to = options.to.clone().unwrap_or(usual);
    write(&to, &conditions, (&cases, &results, &peers))?;
    println!("{}", tables::targets(&cases, &results));
    println!("{}", to.join("performance.md").display());
    match results.failures.len() {
        0 => Ok(()),
        failed => Err(format!("{failed} runs have no figures; the page says which").into()),
    }
}

fn chosen(only: &[String]) -> Outcome<Vec<&'static Case>> {
    if only.is_empty() {
        Ok(CASES.iter().collect())
    } else {
        only.iter().map(|name| matrix::find(name)).collect()
    }
}

/// A case in interleaved rounds, so that whatever slows the machine for a while slows everyone.
fn measure(ring: &Ring<'_>, case: &'static Case, (rounds, peers): (u32, &[Peer]), results: &mut Results) {
    for _ in 0..rounds {
        for run in case.runs {
            for contender in Contender::of(run.parties, peers) {
                let key = Key { case: case.name, run: run.label, party: contender.name().to_owned() };
                eprint!("{}: {}: {}: ", case.name, run.label, contender.name());
                match ring.measure(run.work, &contender) {
                    Ok(all) => {
                        eprintln!("{}", all.last().map(said).unwrap_or_default());
                        for figures in &all {
                            results.add(&key, figures);
                        }
                    }
                    Err(error) => {
                        eprintln!("{error}");
                        results.failures.push((key, error.to_string()));
                    }
                }
            }
        }
    }
}

fn said(figures: &Figures) -> String {
    let shown = [Figure::P75, Figure::P90, Figure::P95, Figure::P9999];
    let parts = figures.iter().filter(|(figure, _)| !shown.contains(figure));
    parts
        .map(|(figure, value)| format!("{} {}", figure.title(), figure.show(*value)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn write(
    to: &Path,
    conditions: &Conditions,
    (cases, results, peers): (&[&'static Case], &Results, &[Peer]),
) -> Outcome<()> {
    let folder = to.join("performance");
    fs::create_dir_all(&folder)?;
    let raw = json!({ "conditions": conditions.to_json(), "runs": results.to_json() });
    fs::write(folder.join("figures.json"), format!("{raw:#}\n"))?;
    let mut figures = String::new();
    for (name, picture) in charts(cases, results, peers) {
        fs::write(folder.join(name), picture)?;
        // Writing to a string cannot fail.
        let _ = writeln!(figures, "![{}](performance/{name})\n", name.trim_end_matches(".svg"));
    }
    figures.push_str(&tables::figures(cases, results, peers));
    let sections = [
        ("conditions", conditions.to_markdown()),
        ("targets", tables::targets(cases, results)),
        ("figures", figures),
    ];
    document::update(&to.join("performance.md"), &sections)
}
