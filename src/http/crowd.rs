//! How many connections there are, and how many of them are one machine's.
//!
//! Invariant: at most [`MOST`] are open, others wait to be accepted; of these a machine has at most [`MOST_OF_ONE`], so
//! that one alone keeps nobody else out. Addresses of IPv6 count by their first 64 bits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::gate::machine;

/// Connections that may be open at once.
const MOST: usize = 1024;
/// The same, from one machine.
const MOST_OF_ONE: usize = MOST / 4;
/// The same, over the local socket.
const MOST_LOCAL: usize = 64;

/// How many each has.
type Machines = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// The connections that are open.
#[derive(Clone)]
pub struct Crowd {
    room: Arc<Semaphore>,
    machines: Machines,
}

/// One connection; counts while it lives.
pub struct Seat {
    _permit: OwnedSemaphorePermit,
    machine: Option<(Machines, IpAddr)>,
}

impl Crowd {
    /// Of what is served on ports.
    pub fn remote() -> Self {
        Self::of(MOST)
    }

    /// Of the local socket, which has its own, so that an operator comes in whoever else is there.
    pub fn local() -> Self {
        Self::of(MOST_LOCAL)
    }

    fn of(most: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(most)), machines: Arc::default() }
    }

    /// Waits for room for one more.
    pub async fn seat(&self) -> Option<Seat> {
        let permit = self.room.clone().acquire_owned().await.ok()?;
        Some(Seat { _permit: permit, machine: None })
    }

    /// The seat of a machine, unless it has too many.
    pub fn take(&self, mut seat: Seat, address: IpAddr) -> Option<Seat> {
        let machine = machine(address);
        let mut machines = self.machines.lock();
        let count = machines.entry(machine).or_default();
        if MOST_OF_ONE <= *count {
            return None;
        }
        *count += 1;
        seat.machine = Some((self.machines.clone(), machine));
        Some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((machines, machine)) = self.machine.take() else { return };
        let mut machines = machines.lock();
        let Some(count) = machines.get_mut(&machine) else { return };
        *count -= 1;
        if *count == 0 {
            machines.remove(&machine);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_machine_has_a_part_and_is_forgotten_when_it_has_gone() {
        let crowd = Crowd::remote();
        let enter = async |last: u8| crowd.take(crowd.seat().await.unwrap(), IpAddr::from([10, 0, 0, last]));
        let mut seats = Vec::new();
        for _ in 0..MOST_OF_ONE {
            seats.push(enter(1).await.unwrap());
        }
        assert!(enter(1).await.is_none() && enter(2).await.is_some());
        seats.pop();
        assert!(enter(1).await.is_some());
        seats.clear();
        assert!(crowd.machines.lock().is_empty());
        assert_eq!(crowd.room.available_permits(), MOST);
    }
}
