//! Guessing of passwords is slow: wrong ones are counted by the address that they come from.
//!
//! After [`MOST_FAILURES`] wrong passwords within [`WINDOW`] the next wrong ones of that address are answered after
//! [`DELAY`]. While [`MOST_WAITING`] of its answers are held back, no further password of it is looked at. Right ones
//! are let in at once as long as they are looked at. Addresses of IPv6 count by their first 64 bits, which one machine
//! has for itself. At most [`MOST_ADDRESSES`] are remembered; when there are more, the ones beyond are not counted.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use leveret_core::Timestamp;
use parking_lot::Mutex;

const MOST_FAILURES: usize = 10;
const WINDOW: Duration = Duration::from_secs(10);
const DELAY: Duration = Duration::from_secs(1);
const MOST_WAITING: usize = 32;
const MOST_ADDRESSES: usize = 4096;

/// The failures of the last seconds.
#[derive(Debug, Default)]
pub struct Gate {
    addresses: Mutex<HashMap<IpAddr, Failures>>,
}

#[derive(Debug, Default)]
struct Failures {
    /// The last ones, oldest first.
    at: VecDeque<Timestamp>,
    waiting: usize,
}

impl Failures {
    fn forget_old(&mut self, now: Timestamp) {
        while self.at.front().is_some_and(|at| WINDOW < now.duration_since(*at)) {
            self.at.pop_front();
        }
    }

    fn is_over(&self) -> bool {
        self.at.is_empty() && self.waiting == 0
    }
}

/// An answer that is held back until [`Held::until`]; counts while it lives.
#[derive(Debug)]
pub struct Held<'a> {
    gate: &'a Gate,
    address: IpAddr,
    /// When it may be sent.
    pub until: Timestamp,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(failures) = self.gate.addresses.lock().get_mut(&self.address) {
            failures.waiting = failures.waiting.saturating_sub(1);
        }
    }
}

impl Gate {
    /// Whether a password from there is to be looked at.
    pub fn is_open(&self, address: IpAddr) -> bool {
        let addresses = self.addresses.lock();
        addresses.get(&machine(address)).is_none_or(|failures| failures.waiting < MOST_WAITING)
    }

    /// A password was wrong; what comes back says how long the answer must wait.
    pub fn note_failure(&self, now: Timestamp, address: IpAddr) -> Option<Held<'_>> {
        let address = machine(address);
        let mut addresses = self.addresses.lock();
        if MOST_ADDRESSES <= addresses.len() && !addresses.contains_key(&address) {
            addresses.retain(|_, failures| {
                failures.forget_old(now);
                !failures.is_over()
            });
            if MOST_ADDRESSES <= addresses.len() {
                return None;
            }
        }
        let failures = addresses.entry(address).or_default();
        failures.forget_old(now);
        let is_over_limit = MOST_FAILURES <= failures.at.len();
        if is_over_limit {
            failures.at.pop_front();
        }
        failures.at.push_back(now);
        is_over_limit.then(|| {
            failures.waiting += 1;
            Held { gate: self, address, until: now + DELAY }
        })
    }
}

/// What stands for the machine behind an address.
pub fn machine(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const START: Timestamp = Timestamp::from_micros(1_000_000_000);

    #[test]
    fn the_eleventh_failure_of_ten_seconds_waits_and_one_of_later_does_not() {
        let gate = Gate::default();
        for _ in 0..MOST_FAILURES {
            assert!(gate.note_failure(START, HERE).is_none());
        }
        let held = gate.note_failure(START, HERE).unwrap();
        assert_eq!(held.until, START + DELAY);
        assert!(gate.note_failure(START, IpAddr::from([10, 0, 0, 2])).is_none());
        assert!(gate.note_failure(START + WINDOW, HERE).is_some());
        assert!(gate.note_failure(START + WINDOW * 3, HERE).is_none());
    }

    #[test]
    fn no_password_is_looked_at_while_too_many_answers_wait() {
        let gate = Gate::default();
        for _ in 0..MOST_FAILURES {
            gate.note_failure(START, HERE);
        }
        let mut held: Vec<_> = (0..MOST_WAITING).filter_map(|_| gate.note_failure(START, HERE)).collect();
        assert!(!gate.is_open(HERE) && gate.is_open(IpAddr::from([10, 0, 0, 2])));
        held.pop();
        assert!(gate.is_open(HERE));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let gate = Gate::default();
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        for number in 0..10_000 {
            gate.note_failure(START, address(number));
        }
        assert_eq!(gate.addresses.lock().len(), MOST_ADDRESSES);
        gate.note_failure(START + WINDOW * 2, HERE);
        assert_eq!(gate.addresses.lock().len(), 1);
    }

    #[test]
    fn one_network_of_ipv6_is_one_machine() {
        let address = |text: &str| machine(text.parse().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:10.0.0.1"), HERE);
    }
}
