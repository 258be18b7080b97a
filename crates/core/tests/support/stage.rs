//! The world of a transcript: one broker, its connections, a clock and a log, all on one thread.
//!
//! It does for each connection what the shell does: feeds bytes, carries out effects once the turn is
//! over (a woken connection looks into its outlet), writes nothing that must not be heard yet, tells how far the
//! log has come, closes sockets that are done.

mod counts;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use leveret_core::amqp::{Connection, Peer};
use leveret_core::model::{Alarm, Broker, BrokerSettings, PasswordHash, Permissions, User};
use leveret_core::{ConnectionId, Effects, Fetch, Output, Store as _, Timestamp};

use super::hear::{Ear, take};
use super::speak::speak;
use super::store::TestStore;
use super::words::quoted;

/// What a connection may add to its socket's buffer at a time.
const ROOM_BYTES: usize = 64 * 1024;

/// How bytes arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// A line at once.
    Whole,
    /// In the smallest pieces.
    Torn,
}

struct Actor {
    name: String,
    connection: Connection,
    input: BytesMut,
    ear: Ear,
    /// Channels that have been spoken on.
    channels: HashSet<u16>,
    /// What waits for the socket.
    out: Output,
    was_told_of_failure: bool,
    /// Its socket takes nothing: it does not look into its outlet.
    is_stalled: bool,
    is_gone: bool,
}

/// How a client logs in.
pub struct Login {
    pub user: String,
    pub password: String,
    pub vhost: String,
    pub loopback: bool,
    pub tune: String,
    /// Capabilities it does not announce.
    pub without: Vec<String>,
}

impl Default for Login {
    fn default() -> Self {
        Self {
            user: "guest".into(),
            password: "guest".into(),
            vhost: "/".into(),
            loopback: true,
            tune: String::new(),
            without: Vec::new(),
        }
    }
}

pub struct Stage {
    now: Timestamp,
    reads: Reads,
    pub settings: BrokerSettings,
    broker: Option<Arc<Broker>>,
    actors: Vec<Actor>,
    wakes: VecDeque<ConnectionId>,
    pub store: TestStore,
    /// Pages that queues wait for.
    fetches: VecDeque<Fetch>,
    are_pages_held: bool,
    /// What was heard since it was last asked for.
    heard: Vec<String>,
}

impl Stage {
    pub fn new(reads: Reads) -> Self {
        Self {
            now: Timestamp::from_micros(1_000_000_000),
            reads,
            settings: BrokerSettings::default(),
            broker: None,
            actors: Vec::new(),
            wakes: VecDeque::new(),
            store: TestStore::default(),
            fetches: VecDeque::new(),
            are_pages_held: false,
            heard: Vec::new(),
        }
    }

    /// What was heard since the last call.
    pub fn take_heard(&mut self) -> Vec<String> {
        self.hear_log();
        std::mem::take(&mut self.heard)
    }

    /// The broker: made when it is first needed, with guest and the virtual host `/`.
    pub fn broker(&mut self) -> Arc<Broker> {
        let settings = &self.settings;
        let made = self.broker.get_or_insert_with(|| {
            let broker = Broker::new(settings.clone(), [7; 32], Arc::new(self.store.clone()));
            broker.add_vhost("/");
            broker.put_user(User::new("guest", PasswordHash::of("guest", [1, 2, 3, 4]), vec![]));
            broker.set_permissions("guest", "/", Permissions::new(".*", ".*", ".*"));
            broker
        });
        made.clone()
    }

    /// A socket is accepted; nothing has been said.
    pub fn accept(&mut self, name: &str, peer: Peer) {
        let id = ConnectionId(self.actors.len() as u64);
        let connection = Connection::new(self.now, id, self.broker(), peer);
        self.actors.push(Actor {
            name: name.to_owned(),
            connection,
            input: BytesMut::new(),
            ear: Ear::default(),
            channels: HashSet::new(),
            out: Output::default(),
            was_told_of_failure: false,
            is_stalled: false,
            is_gone: false,
        });
    }

    /// A client connects. What every handshake says is not heard.
    pub fn connect(&mut self, name: &str, login: &Login) {
        self.accept(name, Peer { address: name.into(), loopback: login.loopback, ..Peer::default() });
        let index = self.actors.len() - 1;
        let before = self.heard.len();
        let capabilities: Vec<String> =
            ["consumer_cancel_notify", "connection.blocked", "authentication_failure_close"]
                .iter()
                .filter(|capability| !login.without.iter().any(|missing| missing == *capability))
                .map(|capability| format!("{capability}=true"))
                .collect();
        let response = quoted(format!("\0{}\0{}", login.user, login.password).as_bytes());
        let capabilities = capabilities.join(", ");
        for (channel, said) in [
            (0, "protocol-header 0 0 9 1".to_owned()),
            (0, format!("connection.start-ok response={response} capabilities={{{capabilities}}}")),
            (0, format!("connection.tune-ok {}", login.tune)),
            (0, format!("connection.open {}", quoted(login.vhost.as_bytes()))),
        ] {
            if self.actors[index].connection.is_done()
                || self.heard[before..].iter().any(|it| it.contains(".close "))
            {
                break;
            }
            self.feed(index, &speak(channel, &said));
        }
        let usual = |line: &str| {
            ["connection.start ", "connection.tune ", "connection.open-ok"]
                .iter()
                .any(|method| line.starts_with(&format!("{name} < {method}")))
        };
        let heard = self.heard.split_off(before);
        self.heard.extend(heard.into_iter().filter(|line| !usual(line)));
    }

    /// A client says something; with `prepared`, after connecting and opening its channel.
    pub fn say(&mut self, name: &str, channel: u16, commands: &[String], prepared: bool) {
        if prepared && !self.actors.iter().any(|actor| actor.name == name) {
            self.connect(name, &Login::default());
        }
        let index = self.index(name);
        let is_new = channel != 0 && self.actors[index].channels.insert(channel);
        if prepared && is_new && commands[0] != "channel.open" {
            let before = self.heard.len();
            self.feed(index, &speak(channel, "channel.open"));
            let opened = format!("{name}.{channel} < channel.open-ok");
            let heard = self.heard.split_off(before);
            self.heard.extend(heard.into_iter().filter(|line| *line != opened));
        }
        let frames: Vec<u8> = commands.iter().flat_map(|command| speak(channel, command)).collect();
        self.feed(index, &frames);
    }

    fn index(&self, name: &str) -> usize {
        let known = self.actors.iter().rposition(|actor| actor.name == name);
        known.unwrap_or_else(|| panic!("{name} is not connected"))
    }

    fn feed(&mut self, index: usize, bytes: &[u8]) {
        let piece_bytes = match self.reads {
            Reads::Whole => bytes.len(),
            Reads::Torn if bytes.len() < 2000 => 1,
            Reads::Torn => 997,
        };
        for piece in bytes.chunks(piece_bytes.max(1)) {
            self.actors[index].input.extend_from_slice(piece);
            self.read(index);
            self.settle();
        }
    }

    fn read(&mut self, index: usize) {
        if self.actors[index].connection.wants_read() {
            self.act(index, Connection::handle_bytes);
        }
    }

    fn act(
        &mut self,
        index: usize,
        turn: impl FnOnce(&mut Connection, Timestamp, &mut BytesMut, &mut Output),
    ) {
        let actor = &mut self.actors[index];
        turn(&mut actor.connection, self.now, &mut actor.input, &mut actor.out);
        let effects = std::mem::take(&mut actor.out.effects);
        self.write(index);
        self.carry_out(effects);
    }

    /// Writes what waits for a socket, unless it must not be heard yet.
    fn write(&mut self, index: usize) {
        let actor = &mut self.actors[index];
        if actor.connection.holds_frames_until().is_some_and(|until| self.store.committed() < until) {
            return;
        }
        for (channel, line) in actor.ear.hear(&take(&mut actor.out.frames)) {
            let who = if channel == 0 { actor.name.clone() } else { format!("{}.{channel}", actor.name) };
            self.heard.push(format!("{who} < {line}"));
        }
    }

    fn carry_out(&mut self, mut effects: Effects) {
        let broker = self.broker();
        broker.carry_out(self.now, &mut effects);
        self.wakes.extend(effects.wakes);
        effects.settles.into_iter().for_each(|settle| self.store.settle(settle));
        effects.dropped_pages.into_iter().for_each(|page| self.store.drop_page(page));
        self.fetches.extend(effects.fetches);
        self.hear_log();
    }

    fn hear_log(&mut self) {
        self.heard.extend(self.store.take_lines().into_iter().map(|line| format!("log < {line}")));
    }

    /// Carries out what is to be done for others, until nothing is left.
    fn settle(&mut self) {
        loop {
            let waits = |actor: &Actor| actor.connection.has_waiting() && !actor.is_stalled && !actor.is_gone;
            if let Some(ConnectionId(id)) = self.wakes.pop_front() {
                self.look_into_outlet(usize::try_from(id).unwrap());
            } else if let Some(index) = self.actors.iter().position(waits) {
                self.look_into_outlet(index);
            } else if !self.commit() && !self.fetch() && !self.close_sockets() {
                break;
            }
        }
    }

    fn look_into_outlet(&mut self, index: usize) {
        if self.actors[index].is_stalled || self.actors[index].is_gone {
            return;
        }
        self.act(index, |connection, now, _, out| connection.handle_outlet(now, ROOM_BYTES, out));
        if !self.actors[index].input.is_empty() {
            self.read(index);
        }
    }

    /// Tells one connection how far the log has come, if it waits for that.
    fn commit(&mut self) -> bool {
        let (committed, has_failed) = (self.store.committed(), self.store.has_failed());
        let waits = |actor: &Actor| {
            let is_due = actor.connection.awaits().is_some_and(|position| position <= committed);
            !actor.is_gone && (is_due || (has_failed && !actor.was_told_of_failure))
        };
        let Some(index) = self.actors.iter().position(waits) else { return false };
        if has_failed {
            self.actors[index].was_told_of_failure = true;
            self.act(index, |connection, now, _, out| connection.handle_log_failed(now, out));
        } else {
            self.act(index, |connection, _, _, out| connection.handle_committed(committed, out));
        }
        assert!(
            self.actors[index].connection.awaits().is_none_or(|position| committed < position),
            "what was waited for is there"
        );
        true
    }

    /// Brings one page that a queue waits for.
    fn fetch(&mut self) -> bool {
        if self.are_pages_held {
            return false;
        }
        let Some(fetch) = self.fetches.pop_front() else { return false };
        self.bring(fetch);
        true
    }

    fn bring(&mut self, Fetch { queue, page }: Fetch) {
        let mut effects = Effects::default();
        let was_there = self.store.has_page(page);
        let entries = if was_there { self.store.read(page) } else { Vec::new() };
        let is_wanted = queue.handle_page(self.now, page, entries, &mut effects);
        assert_eq!(is_wanted, was_there, "a page is wanted until it is dropped");
        if is_wanted {
            self.store.forget(page);
        }
        self.carry_out(effects);
    }

    fn lose_page(&mut self, Fetch { queue, page }: Fetch) {
        let mut effects = Effects::default();
        queue.handle_page_lost(self.now, page, &mut effects);
        self.store.forget(page);
        self.carry_out(effects);
    }

    /// `hold`: pages that are asked for do not come. `come`: all do. `page`: the first of those that are waited for,
    /// `last`: the last; `lost`: the first can't be read. `shown`: what happens to them, as lines.
    pub fn set_pages(&mut self, how: &str) {
        let waited_for = "a page that is waited for";
        match how {
            "shown" => self.store.show_pages(),
            "hold" => self.are_pages_held = true,
            "come" => self.are_pages_held = false,
            "page" => {
                let first = self.fetches.pop_front().expect(waited_for);
                self.bring(first);
            }
            "last" => {
                let last = self.fetches.pop_back().expect(waited_for);
                self.bring(last);
            }
            "lost" => {
                let first = self.fetches.pop_front().expect(waited_for);
                self.lose_page(first);
            }
            other => panic!("pages can't {other}"),
        }
        self.settle();
    }

    fn close_sockets(&mut self) -> bool {
        let is_heard = |actor: &Actor| actor.out.frames.is_empty() || actor.connection.is_aborted();
        let done = |actor: &Actor| actor.connection.is_done() && is_heard(actor) && !actor.is_gone;
        let Some(index) = self.actors.iter().position(done) else { return false };
        let actor = &self.actors[index];
        let how = if actor.connection.is_aborted() { "aborted" } else { "closed" };
        self.heard.push(format!("{} < socket {how}", actor.name));
        self.end(index);
        true
    }

    fn end(&mut self, index: usize) {
        self.actors[index].is_gone = true;
        self.act(index, |connection, now, _, out| connection.handle_lost(now, out));
    }

    /// A client's socket breaks.
    pub fn lose(&mut self, name: &str) {
        let index = self.index(name);
        self.end(index);
        self.settle();
    }

    /// A client's socket takes nothing any more, or takes again what waits.
    pub fn stall(&mut self, name: &str, is_stalled: bool) {
        let index = self.index(name);
        self.actors[index].is_stalled = is_stalled;
        self.look_into_outlet(index);
        self.settle();
    }

    pub fn shut_down(&mut self, name: &str, reason: &str) {
        let index = self.index(name);
        self.act(index, |connection, now, _, out| connection.shutdown(now, reason, out));
        self.settle();
    }

    pub fn set_alarm(&mut self, alarm: Alarm, on: bool) {
        self.administer(|broker, _, effects| broker.set_alarm(alarm, on, effects));
    }

    /// Somebody who is no client does something.
    pub fn administer(&mut self, act: impl FnOnce(&Arc<Broker>, Timestamp, &mut Effects)) {
        let mut effects = Effects::default();
        act(&self.broker(), self.now, &mut effects);
        // In the order in which they connected, so that transcripts are the same each time.
        effects.wakes.sort_unstable();
        self.carry_out(effects);
        self.settle();
    }

    /// A line that is heard beside what clients hear.
    pub fn tell(&mut self, line: String) {
        self.heard.push(line);
    }

    /// `holds`: what is written waits. `syncs`: what has been written is committed. `commits`: what is to come
    /// too, at once. `fails`: for good. `shown`: what it is told of messages, as lines.
    pub fn set_log(&mut self, how: &[&str]) {
        for how in how {
            self.set_log_to(how);
        }
        self.settle();
    }

    fn set_log_to(&mut self, how: &str) {
        match how {
            "holds" => self.store.hold(),
            "syncs" => self.store.commit(),
            "commits" => self.store.go_on(),
            "fails" => self.store.fail(),
            "shown" => self.store.show_messages(),
            "and" => {}
            other => panic!("the log can't {other}"),
        }
    }

    /// Time passes; every deadline on the way is met at its moment.
    pub fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let deadlines = self.actors.iter().enumerate().filter(|(_, actor)| !actor.is_gone);
            let next =
                deadlines.filter_map(|(index, actor)| Some((actor.connection.next_deadline()?, index))).min();
            let of_broker = self.broker().next_deadline().filter(|at| *at <= end);
            if let Some(at) = of_broker.filter(|at| next.is_none_or(|(next, _)| *at <= next)) {
                self.now = self.now.max(at);
                let mut effects = Effects::default();
                self.broker().handle_deadlines(self.now, &mut effects);
                self.carry_out(effects);
                self.settle();
                continue;
            }
            let Some((deadline, index)) = next.filter(|(deadline, _)| *deadline <= end) else { break };
            self.now = self.now.max(deadline);
            self.act(index, |connection, now, _, out| connection.handle_deadline(now, out));
            let after = self.actors[index].connection.next_deadline();
            assert!(after.is_none_or(|after| deadline < after), "a deadline that was met is met again");
            self.settle();
        }
        self.now = end;
    }

    /// Whether no connection was left in the middle of a frame or a delivery.
    pub fn is_quiet(&self) -> bool {
        self.actors.iter().all(|actor| actor.ear.is_between_contents())
    }
}
