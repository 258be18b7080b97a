//! A stage on which programs are played, with the books beside it.

use super::account::{Now, Said};
use super::books::{Books, Mode};
use super::kinds::{DEAD, KINDS};
use super::program::{CHANNELS, CLIENTS, Step, Style};
use crate::support::stage::{Reads, Stage};
use crate::support::words::words;

/// A client, and one of its channels.
type Place = (usize, usize);

pub struct World {
    stage: Stage,
    books: Books,
    /// The code with which this step's channel may be closed.
    may_close: Option<&'static str>,
    /// See [`Now`].
    grace_millis: u64,
    /// Everything that was said and heard.
    told: Vec<String>,
}

impl World {
    pub fn new(budget_bytes: usize) -> Self {
        let mut stage = Stage::new(Reads::Whole);
        stage.store.set_budget(budget_bytes);
        let declares: Vec<String> =
            KINDS.iter().map(|kind| format!("queue.declare {} {}", kind.name, kind.words)).collect();
        stage.say("host", 1, &declares, true);
        assert_eq!(stage.take_heard().len(), KINDS.len());
        let grace_millis = if budget_bytes == usize::MAX { 0 } else { 1000 };
        Self { stage, books: Books::new(), may_close: None, grace_millis, told: Vec::new() }
    }

    /// One step, and what must be true after it.
    pub fn play(&mut self, client: usize, channel: usize, step: &Step) {
        let place = (client, channel);
        self.books.now = self.stage.millis();
        let step_began = self.books.position + 1;
        self.books.is_late = self.books.clients.iter().any(|client| client.is_stalled);
        self.reopen(place);
        self.may_close = None;
        self.act(place, step);
        self.hear();
        self.check(step_began);
    }

    fn name(&self, client: usize) -> String {
        format!("c{client}-{}", self.books.clients[client].connections)
    }

    fn say(&mut self, (client, channel): Place, commands: &[String]) {
        let name = self.name(client);
        self.told.push(format!("{name}.{} > {}", channel + 1, commands.join(" ; ")));
        self.stage.say(&name, u16::try_from(channel + 1).unwrap(), commands, true);
    }

    /// A channel that the broker has closed can be used again once that is answered.
    fn reopen(&mut self, (client, channel): Place) {
        let state = &mut self.books.clients[client].channels[channel];
        if std::mem::take(&mut state.is_closed) {
            self.say((client, channel), &["channel.close-ok".to_owned(), "channel.open".to_owned()]);
            self.hear();
        }
    }

    /// Connects, if it is not: so that there is something to lose.
    fn appear(&mut self, (client, channel): Place) {
        let prefetch = self.books.clients[client].channels[channel].prefetch;
        self.say((client, channel), &[format!("qos {prefetch}")]);
    }

    fn act(&mut self, place: Place, step: &Step) {
        match *step {
            Step::Publish { .. } | Step::Fanout { .. } | Step::Nowhere => self.publish(place, step),
            Step::Purge { queue } | Step::Delete { queue } | Step::Declare { queue } => {
                self.administer(place, step, queue);
            }
            Step::Bind { queue, is_bound } => self.bind(place, queue, is_bound),
            Step::Confirms | Step::Transaction | Step::EndTransaction { .. } => self.change_mode(place, step),
            Step::Wait { millis } => {
                self.told.push(format!("+{millis}ms"));
                self.stage.wait(std::time::Duration::from_millis(millis));
                self.books.now = self.stage.millis();
            }
            Step::Log { holds } => self.hold_log(holds),
            Step::CloseConnection | Step::Wrong { .. } | Step::Lose | Step::Stall | Step::Resume => {
                self.disturb(place, step);
            }
            _ => self.take(place, step),
        }
    }

    fn publish(&mut self, place: Place, step: &Step) {
        let (exchange, key, queues, count, style) = match *step {
            Step::Publish { queue, count, style } => ("''", KINDS[queue].name, vec![queue], count, style),
            Step::Fanout { style } => {
                let bound = |queue: &usize| self.books.accounts[*queue].is_bound;
                ("amq.fanout", "''", (0..KINDS.len()).filter(bound).collect(), 1, style)
            }
            _ => {
                ("''", "nosuch", vec![], 1, Style { persistent: true, priority: 0, expiration_millis: None })
            }
        };
        let mut commands = Vec::new();
        for _ in 0..count {
            let number = self.books.next_number();
            self.books.publish(place, &queues, number, style);
            let persistent = if style.persistent { " persistent" } else { "" };
            let expiration =
                style.expiration_millis.map_or(String::new(), |ttl| format!(" expiration={ttl}"));
            let priority = style.priority;
            commands.push(format!(
                "publish {exchange} {key} {number}{persistent} priority={priority}{expiration}"
            ));
        }
        self.say(place, &commands);
    }

    fn take(&mut self, place: Place, step: &Step) {
        let channel = &mut self.books.clients[place.0].channels[place.1];
        let command = match *step {
            Step::Consume { queue, no_ack } => {
                self.expect_queue(queue);
                let id = self.books.consume(place, queue, no_ack);
                format!("consume {} t{id}{}", KINDS[queue].name, if no_ack { " no-ack" } else { "" })
            }
            Step::Cancel { nth } => {
                let count = channel.consumers.len().max(1);
                let Some(id) = channel.consumers.keys().copied().nth(nth % count) else { return };
                self.books.cancel(place, id);
                format!("cancel t{id}")
            }
            Step::Get { queue, no_ack } => {
                channel.getting = Some((queue, no_ack));
                self.expect_queue(queue);
                format!("get {}{}", KINDS[queue].name, if no_ack { " no-ack" } else { "" })
            }
            Step::Settle { nth, how } => {
                let open: Vec<u64> =
                    channel.held.iter().filter(|(_, held)| !held.is_decided()).map(|(tag, _)| *tag).collect();
                let Some(tag) = open.get(nth % open.len().max(1)).copied() else { return };
                self.books.decide(place, tag, how);
                let multiple = if how.multiple { " multiple" } else { "" };
                format!("{} {tag}{multiple}{}", how.verb, if how.requeue { " requeue" } else { "" })
            }
            Step::Recover => {
                self.books.recover(place);
                "recover requeue".to_owned()
            }
            Step::Qos { count, global } => {
                *(if global { &mut channel.global } else { &mut channel.prefetch }) = count;
                format!("qos {count}{}", if global { " global" } else { "" })
            }
            _ => {
                self.books.release(place);
                return self.say(place, &["channel.close".to_owned(), "channel.open".to_owned()]);
            }
        };
        self.say(place, &[command]);
    }

    fn expect_queue(&mut self, queue: usize) {
        self.may_close = (!self.books.accounts[queue].exists).then_some("404");
    }

    fn administer(&mut self, place: Place, step: &Step, queue: usize) {
        let name = KINDS[queue].name;
        // Answers to these wait for the log, and what is said meanwhile would be heard late.
        if self.books.log_holds {
            return;
        }
        let exists = self.books.accounts[queue].exists;
        let command = match step {
            Step::Purge { .. } => {
                self.expect_queue(queue);
                format!("queue.purge {name}")
            }
            Step::Delete { .. } => format!("queue.delete {name}"),
            _ => format!("queue.declare {name} {}", KINDS[queue].words),
        };
        let before = self.books.accounts[queue].ready_count();
        let is_known = exists && !self.books.is_late && !self.books.accounts[queue].is_vague;
        let is_told = is_known && !matches!(step, Step::Declare { .. });
        match step {
            Step::Purge { .. } => self.books.purge(queue),
            Step::Delete { .. } if exists => self.books.delete(queue),
            Step::Declare { .. } if !exists => self.books.accounts[queue].set_exists(true),
            _ => {}
        }
        self.say(place, &[command]);
        let heard = self.stage.take_heard();
        let told = |line: &String| line.contains(&format!("-ok {before}"));
        assert!(!is_told || heard.iter().any(told), "{before} messages in {name}, and {heard:?}");
        for line in &heard {
            self.hear_line(line);
        }
    }

    fn bind(&mut self, place: Place, queue: usize, is_bound: bool) {
        let account = &mut self.books.accounts[queue];
        if !account.exists || !account.kind.is_bindable || self.books.log_holds {
            return;
        }
        account.is_bound = is_bound;
        let verb = if is_bound { "bind" } else { "unbind" };
        self.say(place, &[format!("queue.{verb} {} amq.fanout ''", KINDS[queue].name)]);
    }

    fn change_mode(&mut self, place: Place, step: &Step) {
        let mode = &mut self.books.clients[place.0].channels[place.1].mode;
        let command = match (step, &mode) {
            (Step::Confirms, Mode::Plain) => {
                *mode = Mode::Confirm { published: 0, waiting: std::collections::BTreeMap::new() };
                "confirm.select"
            }
            // A commit that waits for the log makes its channel wait.
            (Step::Transaction, Mode::Plain) if !self.books.log_holds => {
                *mode = Mode::Transaction { publishes: Vec::new() };
                "tx.select"
            }
            (Step::EndTransaction { commits }, Mode::Transaction { .. }) => {
                // A queue that is full may refuse its part.
                self.may_close = Some("406");
                self.books.end_transaction(place, *commits);
                if *commits { "tx.commit" } else { "tx.rollback" }
            }
            _ => return,
        };
        self.say(place, &[command.to_owned()]);
    }

    fn hold_log(&mut self, holds: bool) {
        self.told.push(format!("log holds: {holds}"));
        let channels = self.books.clients.iter().flat_map(|client| &client.channels);
        let in_transaction =
            channels.filter(|channel| matches!(channel.mode, Mode::Transaction { .. })).count();
        if holds && in_transaction == 0 {
            self.books.log_holds = true;
            self.stage.set_log(&["holds"]);
        } else {
            self.books.log_holds = false;
            self.stage.set_log(&["commits"]);
        }
    }

    fn disturb(&mut self, place: Place, step: &Step) {
        let client = place.0;
        self.appear(place);
        let name = self.name(client);
        self.told.push(format!("{name}: {step:?}"));
        match step {
            Step::Lose => self.leave(client),
            Step::CloseConnection => {
                self.hear();
                self.release(client);
                self.stage.say(&name, 0, &["connection.close".to_owned()], false);
                self.leave(client);
            }
            Step::Stall => {
                self.books.clients[client].is_stalled = true;
                self.stage.stall(&name, true);
            }
            Step::Resume => {
                self.books.clients[client].is_stalled = false;
                self.stage.stall(&name, false);
            }
            Step::Wrong { kind } => {
                let (command, code) = match kind % 4 {
                    0 => ("ack 999999", "406"),
                    1 => ("get nosuch", "404"),
                    2 => ("publish nosuch key 0", "404"),
                    _ => ("qos 0 size=1", "540"),
                };
                self.may_close = Some(code);
                self.say(place, &[command.to_owned()]);
            }
            _ => {}
        }
    }

    fn release(&mut self, client: usize) {
        for channel in 0..CHANNELS {
            self.books.release((client, channel));
        }
    }

    /// A client is gone, and may come again.
    fn leave(&mut self, client: usize) {
        self.hear();
        self.release(client);
        let name = self.name(client);
        self.stage.lose(&name);
        self.books.clients[client].is_stalled = false;
        self.books.clients[client].connections += 1;
    }

    fn hear(&mut self) {
        for line in self.stage.take_heard() {
            self.hear_line(&line);
        }
    }

    /// Enters what was heard into the books.
    fn hear_line(&mut self, line: &str) {
        self.told.push(line.to_owned());
        let (who, what) = line.split_once(" < ").unwrap();
        let (name, channel) = who.split_once('.').unwrap_or((who, "0"));
        let Some(client) = (0..CLIENTS).find(|client| name == self.name(*client)) else { return };
        let heard = words(what);
        if heard[0] == "connection.close" {
            assert_eq!(self.may_close, Some(heard[1]), "{line}");
            self.stage.say(name, 0, &["connection.close-ok".to_owned()], false);
            return self.leave_closed(client);
        }
        let Some(channel) = channel.parse::<usize>().unwrap().checked_sub(1) else { return };
        self.hear_on((client, channel), &heard, line);
    }

    /// The broker has closed a connection, and its socket.
    fn leave_closed(&mut self, client: usize) {
        self.release(client);
        self.books.clients[client].is_stalled = false;
        self.books.clients[client].connections += 1;
    }

    fn hear_on(&mut self, place: Place, heard: &[&str], line: &str) {
        let number = |word: &str| {
            word.trim_start_matches(['#', 't']).parse::<u64>().unwrap_or_else(|_| panic!("{line}"))
        };
        match heard {
            ["deliver", consumer, tag, _, _, body, rest @ ..] => {
                let message = (number(body), rest.contains(&"redelivered"));
                self.books.deliver(place, number(tag), Some(number(consumer)), message);
            }
            ["get-ok", tag, _, _, body, rest @ ..] => {
                self.books.deliver(place, number(tag), None, (number(body), rest.contains(&"redelivered")));
            }
            ["get-empty"] => self.books.hear_empty(place),
            [kind @ ("ack" | "nack"), tag, rest @ ..] => {
                self.books.confirm(place, number(tag), rest.contains(&"multiple"), *kind == "nack");
            }
            ["cancel" | "cancel-ok", consumer, ..] => self.books.hear_cancelled(place, number(consumer)),
            ["channel.close", code, ..] => {
                assert_eq!(self.may_close, Some(*code), "{line}");
                self.books.release(place);
                self.books.clients[place.0].channels[place.1].is_closed = true;
            }
            _ => {}
        }
    }

    /// The books agree with what the queues say, and nobody waits who need not.
    fn check(&mut self, step_began: u64) {
        let (millis, grace_millis) = (self.books.now, self.grace_millis);
        let now = Now { millis, grace_millis, step_began };
        // The queue of the dead comes last: what has left others is there.
        for (queue, kind) in KINDS.iter().enumerate() {
            let counts = self.stage.counts(kind.name);
            self.hear();
            assert_eq!(counts.is_some(), self.books.accounts[queue].exists, "whether {} exists", kind.name);
            let Some(counts) = counts else { continue };
            let said = Said { ready: counts.ready, unacked: counts.unacked, consumers: counts.consumers };
            self.compare(queue, said, now);
            let waits = self.books.who_could_take(queue).filter(|_| 0 < said.ready);
            assert_eq!(waits, None, "{} has {} messages, and a consumer waits", kind.name, said.ready);
        }
        self.books.check_confirms();
    }

    /// One account with what its queue says; what has left it goes where such messages go.
    fn compare(&mut self, queue: usize, said: Said, now: Now) {
        let (held, hiding) = (self.books.held(queue), self.books.hiding(queue));
        let is_doubtful =
            queue == DEAD && self.books.accounts.iter().any(|of| of.kind.dead_letters && of.is_vague);
        self.books.accounts[queue].is_vague |= is_doubtful;
        for copied in self.books.accounts[queue].settle(said, held, hiding, now) {
            self.books.bury(queue, copied);
        }
    }

    /// Everybody leaves; what was not settled must be there, and when it is settled too, nothing is left.
    pub fn close(mut self) {
        self.hold_log(false);
        self.hear();
        for client in 0..CLIENTS {
            self.play(client, 0, &Step::Resume);
            self.play(client, 0, &Step::Lose);
        }
        for queue in 0..KINDS.len() {
            if self.books.accounts[queue].exists {
                self.drain(queue);
            }
        }
        assert_eq!(self.stage.store.left(), (0, 0), "messages and pages are left in the log");
    }

    /// Somebody else takes what is left.
    fn drain(&mut self, queue: usize) {
        let name = KINDS[queue].name;
        loop {
            self.stage.say("host", 1, &[format!("get {name} no-ack")], true);
            let heard = self.stage.take_heard();
            let [line] = heard.as_slice() else { panic!("{heard:?}") };
            let ["get-ok", _, _, _, body, ..] = words(line.split_once(" < ").unwrap().1)[..] else { break };
            let account = &mut self.books.accounts[queue];
            let is_known = account.take(body.parse().unwrap()).is_some();
            assert!(is_known || account.is_vague, "{body} was left in {name}");
        }
        let account = &self.books.accounts[queue];
        // What was due in a page is found to be when the page is read.
        let missing = account.lasting_count(self.stage.millis());
        assert!(missing == 0 || account.is_vague, "{missing} are lost in {name}");
    }
}

/// A failure is told with what was said and heard.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.told.join("\n"));
        }
    }
}
