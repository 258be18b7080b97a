//! Who takes part in a run, and how each kind of work is put on them.
//!
//! leveret and the relay are new processes for every run, so that no run inherits another's memory; other brokers
//! are whatever their URLs lead to.

use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::case::{Party, Work};
use crate::figure::{Figure, Figures};
use crate::generator::{Load, Served, ended};
use crate::process::{open_files, resident_bytes};
use crate::server::{Cores, Programs, Server};

/// How long connections may take to open, and how long a broker rests before its memory is read.
const OPENING: Duration = Duration::from_mins(2);
const REST: Duration = Duration::from_millis(500);
/// Between two looks at a process that nobody tells us of.
const LOOK: Duration = Duration::from_millis(20);

/// Another broker.
#[derive(Clone, Debug)]
pub struct Peer {
    pub name: String,
    pub url: String,
}

/// A party by name.
#[derive(Clone, Debug)]
pub enum Contender {
    Leveret,
    Relay,
    Peer(Peer),
}

impl Contender {
    /// Everyone whom a run's parties stand for.
    pub fn of(parties: &[Party], peers: &[Peer]) -> Vec<Self> {
        let all = parties.iter().map(|party| match party {
            Party::Leveret => vec![Self::Leveret],
            Party::Relay => vec![Self::Relay],
            Party::Peers => peers.iter().cloned().map(Self::Peer).collect(),
        });
        all.flatten().collect()
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Leveret => LEVERET,
            Self::Relay => RELAY,
            Self::Peer(peer) => &peer.name,
        }
    }
}

/// Names of columns.
pub const LEVERET: &str = "leveret";
pub const RELAY: &str = "relay";

/// What runs have in common.
#[derive(Clone, Copy, Debug)]
pub struct Ring<'a> {
    pub programs: &'a Programs,
    pub warmup: Duration,
    pub window: Duration,
}

impl Ring<'_> {
    /// One run; more than one set of figures where the work is done more than once.
    pub fn measure(&self, work: Work, contender: &Contender) -> Outcome<Vec<Figures>> {
        let (broker, generator): (Cores, Cores) = match work {
            Work::Starts(times) => return (0..times).map(|_| self.start()).collect(),
            Work::Pinned { broker, generator, .. } => (broker, generator),
            Work::Load(_) | Work::Beside { .. } | Work::Crowded { .. } => (&[], &[]),
        };
        // Held until the load has ended.
        let process = match contender {
            Contender::Leveret => Some(Server::leveret(self.programs, broker)?),
            Contender::Relay => Some(Server::relay(self.programs, broker)?),
            Contender::Peer(_) => None,
        };
        let served = match (&process, contender) {
            (Some(process), _) => process.served(),
            (None, Contender::Peer(peer)) => Served { url: peer.url.clone(), pid: None, durable: true },
            (None, _) => return Err("nobody to measure".into()),
        };
        let figures = match work {
            Work::Load(words) | Work::Pinned { load: words, .. } => {
                self.load(words, generator).run(self.programs, &served)?
            }
            Work::Beside { load, others } => self.beside(load, others, &served)?,
            Work::Crowded { load, connections } => self.crowded(load, connections, &served)?,
            Work::Starts(_) => Figures::new(),
        };
        Ok(vec![figures])
    }

    fn load<'a>(&self, words: &'a str, cores: Cores) -> Load<'a> {
        Load { words, warmup: self.warmup, window: self.window, cores }
    }

    fn start(&self) -> Outcome<Figures> {
        let server = Server::leveret(self.programs, &[])?;
        thread::sleep(REST);
        let pid = server.served().pid.ok_or("a process without an id")?;
        let ready = server.ready_after().as_secs_f64() * 1e3;
        Ok(Figures::from([(Figure::Ready, ready), (Figure::Resident, resident_bytes(pid)?)]))
    }

    /// The load, while each of the others is started again whenever it has ended.
    fn beside(&self, load: &str, others: &[&str], served: &Served) -> Outcome<Figures> {
        let done = &AtomicBool::new(false);
        thread::scope(|scope| {
            let again = |words| scope.spawn(move || self.again(words, served, done));
            let others: Vec<_> = others.iter().copied().map(again).collect();
            let mut figures = self.load(load, &[]).run(self.programs, served);
            done.store(true, Ordering::Relaxed);
            for other in others {
                other.join().map_err(|_| "the thread of another load died")??;
            }
            if let Ok(figures) = &mut figures {
                // Most of it went to the others' messages.
                figures.remove(&Figure::ProcessorPerMessage);
            }
            figures
        })
    }

    fn again(&self, words: &str, served: &Served, done: &AtomicBool) -> Outcome<()> {
        while !done.load(Ordering::Relaxed) {
            let mut child = Killed(Some(self.load(words, &[]).start(self.programs, served)?));
            while child.is_running()? && !done.load(Ordering::Relaxed) {
                thread::sleep(LOOK);
            }
            if !child.is_running()? {
                child.end(words)?;
            }
        }
        Ok(())
    }

    fn crowded(&self, load: &str, connections: usize, served: &Served) -> Outcome<Figures> {
        let pid = served.pid.ok_or("only a process of our own can be looked at")?;
        let words = format!("count --connections {connections} --hold 3600");
        let mut crowd = Killed(Some(self.load(&words, &[]).start(self.programs, served)?));
        let deadline = Instant::now() + OPENING;
        while open_files(pid)? < connections {
            if !crowd.is_running()? {
                crowd.end(&words)?;
                return Err("the idle connections ended before the load began".into());
            }
            if deadline < Instant::now() {
                return Err(
                    format!("{connections} connections took more than {} s", OPENING.as_secs()).into()
                );
            }
            thread::sleep(LOOK);
        }
        self.load(load, &[]).run(self.programs, served)
    }
}

/// A load that nobody waits for to the end.
struct Killed(Option<Child>);

impl Killed {
    fn is_running(&mut self) -> Outcome<bool> {
        match &mut self.0 {
            Some(child) => Ok(child.try_wait()?.is_none()),
            None => Ok(false),
        }
    }

    /// What it had to say, if that was a failure.
    fn end(&mut self, words: &str) -> Outcome<()> {
        match self.0.take() {
            Some(child) => ended(words, child).map(drop),
            None => Ok(()),
        }
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_everyone_whose_url_was_given() {
        let peer = |name: &str| Peer { name: name.to_owned(), url: "amqp://a".to_owned() };
        let all = Contender::of(&[Party::Leveret, Party::Peers], &[peer("a"), peer("b")]);
        assert_eq!(all.iter().map(Contender::name).collect::<Vec<_>>(), [LEVERET, "a", "b"]);
    }
}
