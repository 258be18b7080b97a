//! A broker under siege, and the playing of conversations against it.
//!
//! What is expected is compared line by line and in order; a line too few, too many or another fails. While a
//! peer says something or waits for something, the neighbour makes a trip.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use leveret::{Broker, Clock, ManualClock, Timestamp};

use crate::caller::{Caller, END};
use crate::neighbour::Neighbour;
use crate::script::{After, Conversation, Step, Whose};
use crate::speech;
use crate::support::{self, within};
use crate::words_of::diff;

/// Whose address it is that all conversations are held with instead of a broker of this process.
const PEER: &str = "LEVERET_HOSTILE_PEER";
/// The virtual host to use there; guest has all rights in it.
const PEER_VHOST: &str = "LEVERET_HOSTILE_VHOST";
/// The conversations to hold, by a part of their name.
const ONLY: &str = "LEVERET_HOSTILE_ONLY";

/// The moment before something is due.
const A_MOMENT: Duration = Duration::from_millis(1);
/// By how much a real clock may miss.
const TOLERANCE: Duration = Duration::from_millis(1500);
/// How often a broker may take nothing before it is believed to have had enough.
const IDLE_ROUNDS: usize = 20;
/// Instead of a line that does not come.
const SILENCE: &str = "nothing, for too long";
/// The last word on a connection that must still be served.
const STILL_SERVED: &str = "999: channel.open";

/// Who is besieged.
pub enum Besieged {
    Leveret { _broker: Broker, clock: ManualClock },
    RabbitMq,
}

pub struct Siege {
    besieged: Besieged,
    pub address: SocketAddr,
    vhost: String,
    pub neighbour: Neighbour,
    /// How long a line may take that is expected; nothing waits for it to pass.
    pub patience: Duration,
    /// Conversations so far.
    held: usize,
}

/// Why a conversation went otherwise than written.
#[derive(Debug)]
pub struct Otherwise(pub String);

impl Siege {
    pub async fn begin() -> Self {
        let (besieged, address, vhost) = if let Ok(peer) = std::env::var(PEER) {
            let vhost = std::env::var(PEER_VHOST).unwrap_or_else(|_| "/".to_owned());
            (Besieged::RabbitMq, peer.parse().expect("an address"), vhost)
        } else {
            let clock = Clock::manual(Timestamp::from_micros(0));
            let broker = support::start(Broker::builder().clock(&clock)).await;
            let address = broker.amqp_addr();
            (Besieged::Leveret { _broker: broker, clock }, address, "/".to_owned())
        };
        let neighbour = Neighbour::move_in(address, &vhost).await;
        Self { besieged, address, vhost, neighbour, patience: support::PATIENCE, held: 0 }
    }

    /// Whether the broker is one of this process.
    pub fn is_at_home(&self) -> bool {
        matches!(self.besieged, Besieged::Leveret { .. })
    }

    /// The virtual host to be in.
    pub fn vhost(&self) -> &str {
        &self.vhost
    }

    /// A peer that behaves for a while.
    pub async fn caller(&self, after: After) -> Caller {
        Caller::behaved(self.address, &self.vhost, after).await
    }

    /// What a peer hears next; the neighbour makes a trip meanwhile.
    pub async fn next(&mut self, caller: &mut Caller) -> String {
        let (heard, ()) = tokio::join!(within("something to be heard", caller.next()), self.neighbour.trip());
        heard
    }

    /// Holds all conversations of a chapter, and fails with those that went otherwise.
    pub async fn hold(&mut self, conversations: &[Conversation<'_>]) {
        let only = std::env::var(ONLY).unwrap_or_default();
        let mut failures = Vec::new();
        for conversation in conversations.iter().filter(|it| it.name.contains(&only)) {
            if let Err(Otherwise(why)) = self.converse(conversation).await {
                failures.push(format!("{}\n{why}", conversation.name));
            }
            self.neighbour.settle().await;
        }
        println!("{} conversations; the neighbour: {:?}", conversations.len(), self.neighbour.served());
        assert!(failures.is_empty(), "{} went otherwise:\n\n{}", failures.len(), failures.join("\n"));
    }

    /// Holds one conversation.
    pub async fn converse(&mut self, conversation: &Conversation<'_>) -> Result<(), Otherwise> {
        self.held += 1;
        let mut caller = self.caller(conversation.after).await;
        let steps: Vec<&Step<'_>> = conversation.steps.iter().filter(|step| self.concerns(step)).collect();
        for chunk in steps.chunk_by(|a, b| is_expected(a) && is_expected(b)) {
            match chunk {
                [Step::Say { channel, commands }] => {
                    let said = speech::all(*channel, &self.there(commands));
                    self.say(&caller, &said).await;
                }
                [Step::Wait(time)] => self.wait(&mut caller, *time).await,
                [Step::End { after, .. }] => return self.expect_end(&mut caller, *after).await,
                [Step::StopSending] => caller.stop_sending().await,
                [Step::Drop] => return Ok(()),
                expected => self.expect(&mut caller, expected).await?,
            }
        }
        self.come_to_an_end(&mut caller, &steps).await
    }

    fn concerns(&self, step: &Step<'_>) -> bool {
        match step {
            Step::Expect { whose, .. } | Step::End { whose, .. } => {
                *whose != if self.is_at_home() { Whose::RabbitMq } else { Whose::Leveret }
            }
            _ => true,
        }
    }

    /// What every conversation comes to that does not say otherwise.
    async fn come_to_an_end(&mut self, caller: &mut Caller, steps: &[&Step<'_>]) -> Result<(), Otherwise> {
        let is_closed = |step: &&Step<'_>| matches!(step, Step::Expect { channel: 0, line, .. } if line.starts_with("connection.close "));
        if steps.last().is_some_and(is_closed) {
            self.say(caller, &speech::all(0, "connection.close-ok")).await;
            return self.expect_end(caller, Duration::ZERO).await;
        }
        self.say(caller, &speech::all(999, STILL_SERVED)).await;
        self.expect_lines(caller, &["999< channel.open-ok".to_owned()], self.patience).await
    }

    /// Sends as much as is taken: a broker that has had enough may take no more.
    pub async fn say(&mut self, caller: &Caller, said: &[u8]) {
        let (mut sent, mut idle) = (0, 0);
        while sent < said.len() && idle < IDLE_ROUNDS {
            let count = caller.send_what_fits(&said[sent..]);
            sent += count;
            idle = if count == 0 { idle + 1 } else { 0 };
            self.neighbour.trip().await;
        }
    }

    /// Time passes.
    async fn wait(&mut self, caller: &mut Caller, time: Duration) {
        if let Besieged::Leveret { clock, .. } = &self.besieged {
            self.neighbour.settle().await;
            clock.advance(time);
            self.neighbour.settle().await;
        } else {
            // All of it: whoever listens listens for ever.
            drop(tokio::time::timeout(time, caller.listen()).await);
        }
    }

    /// What is said to a broker where others are: queues of exclusive names, in a virtual host of that name.
    fn there(&self, commands: &str) -> String {
        if self.is_at_home() {
            return commands.to_owned();
        }
        let vhost = if commands.ends_with("connection.open /") { self.vhost.as_str() } else { "/" };
        let commands =
            commands.strip_suffix('/').map_or(commands.to_owned(), |front| format!("{front}{vhost}"));
        commands.replace("hostile-", &self.prefix())
    }

    fn prefix(&self) -> String {
        format!("hostile{}-", self.held)
    }

    /// What was heard there, as it would have been heard at home.
    fn here(&self, heard: &str) -> String {
        heard.replace(&format!("vhost '{}'", self.vhost), "vhost '/'").replace(&self.prefix(), "hostile-")
    }

    /// The broker closes the socket, after so long and not before.
    async fn expect_end(&mut self, caller: &mut Caller, after: Duration) -> Result<(), Otherwise> {
        let began = Instant::now();
        if let Some(before) = after.checked_sub(A_MOMENT)
            && self.is_at_home()
        {
            self.wait(caller, before).await;
            if let Some(line) = caller.has_heard() {
                return Err(Otherwise(format!("too early: {line}")));
            }
            self.wait_for_what_is_due();
        }
        let patience = self.patience + if self.is_at_home() { Duration::ZERO } else { after + TOLERANCE };
        self.expect_lines(caller, &[END.to_owned()], patience).await?;
        let took = began.elapsed();
        if !self.is_at_home() && (took + TOLERANCE < after || after + TOLERANCE < took) {
            return Err(Otherwise(format!("it ended after {took:?}")));
        }
        Ok(())
    }

    fn wait_for_what_is_due(&self) {
        if let Besieged::Leveret { clock, .. } = &self.besieged {
            clock.advance(A_MOMENT);
        }
    }

    async fn expect(&mut self, caller: &mut Caller, expected: &[&Step<'_>]) -> Result<(), Otherwise> {
        let line = |step: &&Step<'_>| match step {
            Step::Expect { channel, line, .. } => Some(format!("{channel}< {line}")),
            _ => None,
        };
        let lines: Vec<String> =
            expected.iter().filter_map(line).filter(|line| self.is_counted(line)).collect();
        self.expect_lines(caller, &lines, self.patience).await
    }

    /// A real clock does not beat with the script.
    fn is_counted(&self, line: &str) -> bool {
        self.is_at_home() || line != "0< heartbeat"
    }

    async fn expect_lines(
        &mut self,
        caller: &mut Caller,
        expected: &[String],
        patience: Duration,
    ) -> Result<(), Otherwise> {
        let mut actual = Vec::new();
        while actual.len() < expected.len() {
            let (heard, ()) =
                tokio::join!(tokio::time::timeout(patience, caller.next()), self.neighbour.trip());
            let heard = heard.unwrap_or_else(|_| SILENCE.to_owned());
            if self.is_counted(&heard) {
                actual.push(self.here(&heard));
            }
            if [END, SILENCE].contains(&heard.as_str()) {
                break;
            }
        }
        let is_met = expected.len() == actual.len()
            && expected.iter().zip(&actual).all(|(expected, actual)| diff::is_met(expected, actual));
        if is_met { Ok(()) } else { Err(Otherwise(diff::diff(expected, &actual))) }
    }

    /// Everybody who was here but the neighbour has left.
    pub async fn until_alone(&mut self, alive: usize) {
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        within("all sessions to end", async {
            while alive < tasks() {
                self.neighbour.trip().await;
            }
        })
        .await;
    }
}

fn is_expected(step: &&Step<'_>) -> bool {
    matches!(step, Step::Expect { .. })
}
