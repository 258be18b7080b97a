//! Runs a table of behaviours, each for a limited time, and reports how they ended.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::pin::Pin;
use std::time::Duration;

use tokio::{runtime, time};

use crate::failure::{Failure, Proof};

/// Of a whole behaviour.
const LIMIT: Duration = Duration::from_secs(20);

/// A behaviour under way.
pub type Playing<'a> = Pin<Box<dyn Future<Output = Proof> + 'a>>;

/// What a behaviour plays in: its connections, and the names it made.
pub trait Stage: Sized {
    /// An empty one, for the behaviour of this id.
    fn set(id: &'static str) -> Self;
    /// Deletes what the behaviour made, however it ended.
    fn clear(self) -> impl Future<Output = Proof>;
}

/// One line of a program's table.
pub struct Behaviour<S> {
    /// As in behaviours.tsv.
    pub id: &'static str,
    /// Proves it.
    pub prove: for<'a> fn(&'a S) -> Playing<'a>,
}

/// A table of behaviours: `behaviours![Scene; "connect" => connections::connects, ...]`.
#[macro_export]
macro_rules! behaviours {
    ($stage:ty; $($id:literal => $prove:path),+ $(,)?) => {
        [$($crate::Behaviour::<$stage> { id: $id, prove: |scene| Box::pin($prove(scene)) }),+]
    };
}

/// Plays all behaviours, or those that `INTEROP_ONLY` names, one after the other.
pub fn run<S: Stage>(client: &str, behaviours: &[Behaviour<S>]) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let only = env::var("INTEROP_ONLY").ok();
    let wanted = |id: &str| only.as_ref().is_none_or(|only| only.split(',').any(|one| one == id));
    for behaviour in behaviours.iter().filter(|behaviour| wanted(behaviour.id)) {
        let (outcome, reason) = match runtime.block_on(play(behaviour)) {
            Ok(()) => ("passed", String::new()),
            Err(Failure::NotOffered(reason)) => ("not offered", reason.to_owned()),
            Err(Failure::Failed(reason)) => {
                ("failed", reason.split_whitespace().collect::<Vec<_>>().join(" "))
            }
        };
        report(&format!("{client}\t{}\t{outcome}\t{reason}\n", behaviour.id))?;
    }
    // Whatever still hangs is let go.
    runtime.shutdown_background();
    Ok(())
}

async fn play<S: Stage>(behaviour: &Behaviour<S>) -> Proof {
    let scene = S::set(behaviour.id);
    let proof = time::timeout(LIMIT, (behaviour.prove)(&scene)).await;
    match time::timeout(LIMIT, scene.clear()).await {
        Ok(Ok(())) => {}
        unclean => eprintln!("{}: what it made may still be there: {unclean:?}", behaviour.id),
    }
    proof.unwrap_or_else(|_| Err(Failure::Failed(format!("it hung for {LIMIT:?}"))))
}

fn report(line: &str) -> io::Result<()> {
    match env::var_os("INTEROP_RESULTS") {
        Some(file) => OpenOptions::new().append(true).create(true).open(file)?.write_all(line.as_bytes()),
        None => io::stdout().write_all(line.as_bytes()),
    }
}
