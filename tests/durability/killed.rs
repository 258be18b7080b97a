//! Killed at any moment, again and again, over one data directory: every message that was confirmed and not
//! acknowledged is there, once a queue, whole and in order.
//!
//! `LEVERET_KILL_ROUNDS` says how often, `LEVERET_KILL_SEED` repeats what a run has asked of the broker.

use std::env;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use crate::account::{Afterwards, read_all};
use crate::definitions::Definitions;
use crate::dice::Dice;
use crate::directory::Directory;
use crate::ledger::{Ledger, QUEUES, ROUTES};
use crate::load::{Fuse, Load};
use crate::say;
use crate::served::Served;
use crate::support::Peer;

const ROUNDS: u32 = 5;

/// The last of them uses transactions.
const PUBLISHERS: u32 = 3;

/// A backlog that all rounds read is emptied when it is this long.
const LONG_BACKLOG: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_is_there_after_every_kill() {
    let seed = from_environment("LEVERET_KILL_SEED").unwrap_or_else(Dice::fresh_seed);
    let rounds = from_environment("LEVERET_KILL_ROUNDS").unwrap_or(ROUNDS);
    println!("{rounds} kills, LEVERET_KILL_SEED={seed}");
    let mut house = House::new(seed);
    house.furnish().await;
    for round in 0..rounds {
        println!("round {round}: {}", house.round().await);
    }
    house.empty().await;
}

fn from_environment<T: FromStr<Err: Debug>>(name: &str) -> Option<T> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error:?}")))
}

/// A data directory that brokers live and die in.
struct House {
    directory: Directory,
    dice: Dice,
    ledger: Arc<Mutex<Ledger>>,
    definitions: Definitions,
}

impl House {
    fn new(seed: u64) -> Self {
        Self {
            directory: Directory::new(),
            dice: Dice::new(seed),
            ledger: Arc::new(Mutex::new(Ledger::new(PUBLISHERS as usize))),
            definitions: Definitions::default(),
        }
    }

    /// Declares what every round relies on, and is killed for the first time.
    async fn furnish(&mut self) {
        let mut served = self.directory.start();
        let mut peer = Peer::open_channel(served.address()).await;
        for queue in QUEUES {
            peer.must(say::durable_queue(queue)).await;
        }
        for (exchange, kind) in [("ledger.direct", "direct"), ("ledger.fanout", "fanout")] {
            peer.must(say::durable_exchange(exchange, kind)).await;
        }
        for (exchange, key, queues) in ROUTES.iter().filter(|(exchange, ..)| !exchange.is_empty()) {
            for queue in *queues {
                peer.must(say::bind(QUEUES[*queue], exchange, key)).await;
            }
        }
        Definitions::prepare(&mut peer).await;
        served.kill();
    }

    /// A start, the books compared, load, a kill.
    async fn round(&mut self) -> String {
        if self.dice.once_in(3) {
            self.kill_while_it_starts();
        }
        // With less memory queues hold less of it, and page.
        let memory = self.dice.choose(&["256MiB", "4GiB"]);
        let mut served = self.directory.start_with(&[], &[("LEVERET_MEMORY_HIGH_WATERMARK", memory)]);
        let address = served.address();
        self.ledger.lock().unwrap().restarted();
        let backlog = self.account(address).await;
        if LONG_BACKLOG < backlog {
            self.drain(address).await;
        }
        self.load_until_killed(served, address).await;
        let sent = self.ledger.lock().unwrap().len();
        format!(
            "{backlog} messages were there; {sent} have been sent, {} segments",
            self.directory.segments().len()
        )
    }

    /// What a killed process leaves, another one finds, whatever it was doing: recovering, for one.
    fn kill_while_it_starts(&mut self) {
        let mut served = self.directory.start();
        served.read_lines(usize::try_from(self.dice.below(4)).unwrap());
        served.kill();
    }

    /// Everything that must be there is; says how much that is.
    async fn account(&mut self, address: SocketAddr) -> usize {
        let mut backlog = 0;
        for (queue, name) in QUEUES.iter().enumerate() {
            let all = read_all(address, name, Afterwards::Kept).await;
            backlog += all.len();
            let verdict = self.ledger.lock().unwrap().account(queue, &all);
            verdict.unwrap_or_else(|wrong| panic!("{wrong}"));
        }
        self.definitions.account(address).await.unwrap_or_else(|wrong| panic!("{wrong}"));
        backlog
    }

    /// Takes everything out.
    async fn drain(&self, address: SocketAddr) {
        for (queue, name) in QUEUES.iter().enumerate() {
            let all = read_all(address, name, Afterwards::Drained).await;
            let mut ledger = self.ledger.lock().unwrap();
            for found in all {
                ledger.settle(queue, found.message);
            }
        }
    }

    async fn load_until_killed(&mut self, served: Served, address: SocketAddr) {
        let fuse = Arc::new(Fuse::new(&mut self.dice));
        // All are connected before the first of them may burn the fuse.
        let mut publishers = Vec::new();
        for publisher in 0..PUBLISHERS {
            let mut load = self.load(address, &fuse).await;
            let is_last = publisher + 1 == PUBLISHERS;
            load.peer.must(if is_last { say::transactions() } else { say::confirms() }).await;
            publishers.push((publisher, is_last, load));
        }
        let mut consumers = Vec::new();
        for (queue, name) in QUEUES.iter().enumerate() {
            if !self.dice.once_in(4) {
                let mut load = self.load(address, &fuse).await;
                load.peer.must(say::consume(name)).await;
                consumers.push((queue, load));
            }
        }
        let definer = Peer::open_channel(address).await;
        let mut tasks = JoinSet::new();
        for (publisher, is_last, load) in publishers {
            tasks.spawn(async move {
                if is_last {
                    load.publish_committed(publisher).await;
                } else {
                    load.publish_confirmed(publisher).await;
                }
            });
        }
        for (queue, load) in consumers {
            tasks.spawn(load.consume(queue));
        }
        let (definitions, dice) = (std::mem::take(&mut self.definitions), self.dice.split());
        let defining = {
            let fuse = fuse.clone();
            tokio::spawn(async move { definitions.churn(definer, dice, &fuse).await })
        };
        until_burnt(&fuse, &mut tasks).await;
        served.kill();
        self.definitions = defining.await.unwrap();
        tasks.join_all().await;
    }

    async fn load(&mut self, address: SocketAddr, fuse: &Arc<Fuse>) -> Load {
        Load {
            peer: Peer::open_channel(address).await,
            ledger: self.ledger.clone(),
            fuse: fuse.clone(),
            dice: self.dice.split(),
        }
    }

    /// The last round: all is taken out, the end is clean, and nothing comes back.
    async fn empty(&mut self) {
        let mut served = self.directory.start();
        let address = served.address();
        self.account(address).await;
        self.drain(address).await;
        let (printed, code) = served.end_by("TERM");
        assert_eq!(code, Some(0), "{printed:#?}");
        let mut served = self.directory.start();
        let mut peer = Peer::open_channel(served.address()).await;
        for queue in QUEUES {
            assert_eq!(peer.count(queue).await, 0, "{queue} was empty before the clean end");
        }
    }
}

/// Waits until it is time to kill; somebody who has something to complain about ends the test at once.
async fn until_burnt(fuse: &Fuse, tasks: &mut JoinSet<()>) {
    tokio::select! {
        () = fuse.burnt() => {}
        Some(ended) = tasks.join_next() => {
            ended.unwrap();
            panic!("the broker has closed a connection");
        }
    }
}
