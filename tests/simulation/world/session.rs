//! What the shell does for each connection: reads, looks into outlets, tells of the log, writes.

use leveret_core::amqp::{Connection, Peer as Address};
use leveret_core::{ConnectionId, Effects, Timestamp};

use super::World;
use super::peer::Peer;
use crate::oracle::Missed;
use crate::wire::{self, Said};

impl World {
    /// A client connects, and logs in.
    pub fn connect(&mut self) -> Result<u64, Missed> {
        self.last_peer += 1;
        let id = self.last_peer;
        let address = Address { address: format!("peer {id}").into(), loopback: true, ..Address::default() };
        let broker = self.life().broker.clone();
        let connection = Connection::new(self.now, ConnectionId(id), broker, address);
        let mut peer = Peer::new(connection);
        peer.input = wire::handshake();
        self.peers.insert(id, peer);
        self.work_on(id, |peer, now| peer.connection.handle_bytes(now, &mut peer.input, &mut peer.out))?;
        assert!(self.peer(id).connection.is_open(), "guest may come in");
        Ok(id)
    }

    /// A socket breaks.
    pub fn lose(&mut self, id: u64) -> Result<(), Missed> {
        self.note(|| format!("{id} is lost"));
        let now = self.now;
        let mut peer = self.peers.remove(&id).expect("a peer that is there");
        self.follow(id, &mut peer)?;
        peer.connection.handle_lost(now, &mut peer.out);
        self.oracle.lose(now.as_micros(), id);
        self.carry_out(&mut peer.out.effects);
        Ok(())
    }

    /// A client says something, of its own accord or not.
    pub fn act(&mut self, is_free: bool) -> bool {
        let Some(id) = self.any_peer(|peer| peer.client.owes() || (is_free && !peer.client.drains)) else {
            return false;
        };
        let number = self.tally.published + 1;
        let habits = self.nature.habits;
        let peer = self.peers.get_mut(&id).expect("a peer that is there");
        let request =
            peer.client.take_owed().or_else(|| peer.client.act(&mut self.workload, &habits, number));
        if let Some((channel, request)) = request {
            self.tally.published += u32::from(matches!(request, wire::Request::Publish(_)));
            peer.say(channel, request);
        }
        true
    }

    /// A socket brings something.
    pub fn read(&mut self) -> Result<bool, Missed> {
        let ready = |peer: &Peer| !peer.wire.is_empty() && peer.connection.wants_read();
        let Some(id) = self.any_peer(ready) else { return Ok(false) };
        let most = self.peer(id).readable();
        let count = if self.schedule.percent(60) { most } else { self.schedule.between(1, most) };
        let peer = self.peer(id);
        let bytes = peer.wire.split_to(count);
        peer.input.extend_from_slice(&bytes);
        peer.brought += count;
        self.note(|| format!("{id} reads {count} bytes"));
        self.work_on(id, |peer, now| peer.connection.handle_bytes(now, &mut peer.input, &mut peer.out))?;
        Ok(true)
    }

    /// A connection that was woken looks into its outlet.
    pub fn look_into_outlet(&mut self) -> Result<bool, Missed> {
        let ready = |peer: &Peer| peer.is_woken || peer.connection.has_waiting();
        let Some(id) = self.any_peer(ready) else { return Ok(false) };
        let room = *self.schedule.pick(&[1, 500, 65_536]);
        self.peer(id).is_woken = false;
        self.note(|| format!("{id} looks into its outlet, with room for {room}"));
        self.work_on(id, |peer, now| peer.connection.handle_outlet(now, room, &mut peer.out))?;
        Ok(true)
    }

    /// A turn of a connection, as the shell makes one.
    fn work_on(&mut self, id: u64, turn: impl FnOnce(&mut Peer, Timestamp)) -> Result<(), Missed> {
        let now = self.now;
        let mut peer = self.peers.remove(&id).expect("a peer that is there");
        turn(&mut peer, now);
        // Whose requests those were before anybody hears of the log.
        let result = self.follow(id, &mut peer).and_then(|()| self.hear_log(id, &mut peer));
        let mut effects = std::mem::take(&mut peer.out.effects);
        self.peers.insert(id, peer);
        self.carry_out(&mut effects);
        result
    }

    /// Tells a connection how far the log is.
    pub fn hear_log(&mut self, id: u64, peer: &mut Peer) -> Result<(), Missed> {
        while let Some(at) = peer.connection.awaits() {
            let committed = self.life().storage.committed();
            if at <= committed {
                peer.connection.handle_committed(committed, &mut peer.out);
            } else if self.life().storage.has_failed() {
                peer.connection.handle_log_failed(self.now, &mut peer.out);
            } else {
                break;
            }
            self.follow(id, peer)?;
        }
        Ok(())
    }

    /// Tells the oracle what has been handled and what has been made.
    fn follow(&mut self, id: u64, peer: &mut Peer) -> Result<(), Missed> {
        let now = self.now.as_micros();
        for reply in peer.ear.hear(&mut peer.out.frames) {
            while !self.oracle.expects(now, id, &reply) && peer.next_consumed().is_some() {
                self.handle(id, peer);
            }
            self.note(|| format!("{id} is to hear {}", brief(&reply)));
            let promise = self.oracle.hear(now, id, &reply)?;
            peer.made.push_back((promise, reply));
        }
        // What is held back begins with a request that was not answered.
        while let Some((channel, request)) = peer.next_consumed() {
            let is_heeded = self.oracle.is_open((id, channel));
            if !peer.connection.wants_read() && request.asks_queue() && is_heeded {
                break;
            }
            self.handle(id, peer);
        }
        Ok(())
    }

    fn handle(&mut self, id: u64, peer: &mut Peer) {
        let Some((_, channel, request)) = peer.requests.pop_front() else { return };
        let vhost = self.life().broker.vhost("/").expect("it is always there");
        let id_of = |name: &str| vhost.queue(name).map_or(0, |queue| queue.facts().id.0);
        self.note(|| format!("{id}.{channel} was heard: {request:?}"));
        self.oracle.handle(self.now.as_micros(), (id, channel), &request, id_of);
    }

    /// Writes what waits for a socket, if the log allows it.
    pub fn write(&mut self) -> Result<bool, Missed> {
        let committed = self.life().storage.committed();
        let is_held = |peer: &Peer| peer.connection.holds_frames_until().is_some_and(|at| committed < at);
        let ready = |peer: &Peer| {
            let is_due = peer.connection.awaits().is_some_and(|at| at <= committed);
            is_due || (!peer.made.is_empty() && !is_held(peer))
        };
        self.tally.held += self.peers.values().filter(|peer| is_held(peer)).count();
        let Some(id) = self.any_peer(ready) else { return Ok(false) };
        self.work_on(id, |_, _| ())?;
        let peer = self.peers.get_mut(&id).expect("a peer that is there");
        if !is_held(peer) {
            for (promise, reply) in peer.made.drain(..) {
                self.oracle.check_written(promise, &reply)?;
                peer.client.hear(&reply);
            }
        }
        Ok(true)
    }

    pub fn carry_out(&mut self, effects: &mut Effects) {
        let now = self.now;
        self.life().broker.carry_out(now, effects);
        self.life().storage.carry_out(effects);
        // In an order that is the same each time.
        for ConnectionId(id) in effects.wakes.drain(..) {
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.is_woken = true;
            }
        }
    }

    /// The log has failed: everybody hears so, nobody is told a lie, and those who cannot be told are dropped.
    pub fn mourn(&mut self) -> Result<(), Missed> {
        self.tally.failed_logs += 1;
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            self.work_on(id, |_, _| ())?;
            let peer = self.peers.get_mut(&id).expect("a peer that is there");
            if peer.connection.holds_frames_until().is_some() {
                return Err(Missed(format!("{id} still waits for a log that has failed")));
            }
            if !peer.connection.is_aborted() {
                for (promise, reply) in peer.made.drain(..) {
                    self.oracle.check_written(promise, &reply)?;
                }
            }
            if !peer.connection.is_open() {
                self.lose(id)?;
            }
        }
        self.oracle.check_confirmed()
    }
}

/// A reply without the body of its message.
fn brief(reply: &wire::Reply) -> String {
    match &reply.said {
        Said::Deliver { consumer, tag, redelivered, message } => format!(
            "on {}: m{:?} to {consumer}, tag {tag}, redelivered={redelivered}",
            reply.channel,
            message.number()
        ),
        Said::GetOk { tag, redelivered, message } => {
            format!("on {}: got m{:?}, tag {tag}, redelivered={redelivered}", reply.channel, message.number())
        }
        said => format!("on {}: {said:?}", reply.channel),
    }
}
