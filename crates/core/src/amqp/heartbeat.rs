//! Heartbeats (4.2.7), with RabbitMQ's timing for an interval T.
//!
//! - Every T/2 a heartbeat is sent if nothing else was since the last look; the first look always sends.
//! - Every T it is checked whether anything came; after two checks in a row without, the peer is gone. So
//!   silence is noticed between 2T and 3T after the last byte. Any byte is a sign of life.

use std::time::Duration;

use crate::time::Timestamp;

/// The heartbeats of one connection.
#[derive(Debug)]
pub struct Heartbeat {
    interval: Duration,
    next_send: Timestamp,
    next_check: Timestamp,
    /// Nothing has been due yet.
    is_new: bool,
    sent: bool,
    received: bool,
    silent_checks: u8,
}

/// What a deadline asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// A heartbeat must be sent.
    pub send: bool,
    /// The peer has been silent for too long.
    pub peer_gone: bool,
}

impl Heartbeat {
    /// Heartbeats for an interval in seconds, as tune-ok has it; zero is none.
    pub fn new(now: Timestamp, interval_secs: u16) -> Option<Self> {
        let interval = Duration::from_secs(u64::from(interval_secs));
        (!interval.is_zero()).then(|| Self {
            interval,
            next_send: now + interval / 2,
            next_check: now + interval,
            is_new: true,
            sent: false,
            received: false,
            silent_checks: 0,
        })
    }

    /// Something was sent.
    pub fn sent(&mut self) {
        self.sent = true;
    }

    /// Something came.
    pub fn received(&mut self) {
        self.received = true;
    }

    /// When [`Heartbeat::handle_deadline`] has something to do next.
    pub fn next_deadline(&self) -> Timestamp {
        self.next_send.min(self.next_check)
    }

    /// A moment has come; `reading` is whether the connection is being read from at all.
    pub fn handle_deadline(&mut self, now: Timestamp, reading: bool) -> Due {
        let mut due = Due::default();
        if self.next_send <= now {
            let sent = std::mem::take(&mut self.sent);
            due.send = std::mem::take(&mut self.is_new) || !sent;
            self.next_send = now + self.interval / 2;
        }
        if self.next_check <= now {
            // While publishers are held back nothing is read, so silence proves nothing.
            let silent = !std::mem::take(&mut self.received) && reading;
            self.silent_checks = if silent { self.silent_checks + 1 } else { 0 };
            due.peer_gone = 2 <= self.silent_checks;
            self.next_check = now + self.interval;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_micros(millis * 1000)
    }

    #[test]
    fn silence_is_noticed_between_two_and_three_intervals() {
        let mut heartbeat = Heartbeat::new(at(0), 2).unwrap();
        heartbeat.received();
        assert!(!heartbeat.handle_deadline(at(2000), true).peer_gone);
        assert!(!heartbeat.handle_deadline(at(4000), true).peer_gone);
        assert!(heartbeat.handle_deadline(at(6000), true).peer_gone);
    }

    #[test]
    fn a_heartbeat_is_sent_every_half_interval_unless_something_else_was() {
        let mut heartbeat = Heartbeat::new(at(0), 2).unwrap();
        assert_eq!(heartbeat.next_deadline(), at(1000));
        assert!(heartbeat.handle_deadline(at(1000), true).send);
        heartbeat.sent();
        assert!(!heartbeat.handle_deadline(at(2000), true).send);
        assert!(heartbeat.handle_deadline(at(3000), true).send);
    }

    #[test]
    fn silence_does_not_count_while_nothing_is_read() {
        let mut heartbeat = Heartbeat::new(at(0), 2).unwrap();
        for second in [2, 4, 6, 8] {
            assert!(!heartbeat.handle_deadline(at(second * 1000), false).peer_gone);
        }
    }

    #[test]
    fn an_interval_of_zero_is_none() {
        assert!(Heartbeat::new(at(0), 0).is_none());
    }
}
