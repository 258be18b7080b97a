//! Who is in: open connections by virtual host and by user, and the channels of each user.
//!
//! Invariants:
//! - A connection counts from before its connection.open is answered until it has let go of everything; a channel
//!   from before its open-ok until it is closed. Whoever counts holds a [`Seat`] or a [`ChannelSeat`], and counts as
//!   long as that lives: nothing can be forgotten.
//! - Looking at a limit and taking the seat is one step, so that no two connections take the last one. So are closing
//!   and asking those to go who are in: nobody is overlooked who is coming in.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::effect::Effects;
use crate::id::ConnectionId;
use crate::model::limit::Limit;
use crate::model::outlet::{Notice, Outlet};

/// Who wants to come in, and how many may be.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The virtual host.
    pub vhost: &'a str,
    /// The user.
    pub user: &'a str,
    /// Most connections of the virtual host.
    pub most_of_vhost: Option<Limit>,
    /// Most connections of the user.
    pub most_of_user: Option<Limit>,
}

/// Why there is no seat: so many are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Full {
    /// In the virtual host.
    Vhost(u64),
    /// By the user.
    User(u64),
    /// Nobody is let in, for this reason.
    Closed(Arc<str>),
}

/// All seats.
#[derive(Debug, Default)]
pub struct Seats(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    /// Why nobody is let in.
    closed: Option<Arc<str>>,
    connections: HashMap<ConnectionId, Sitting>,
    by_vhost: HashMap<Arc<str>, u64>,
    by_user: HashMap<Arc<str>, (u64, Arc<AtomicU64>)>,
}

#[derive(Debug)]
struct Sitting {
    vhost: Arc<str>,
    user: Arc<str>,
    outlet: Arc<Outlet>,
}

impl Taken {
    /// The virtual host is asked first (RabbitMQ's order).
    fn check(&self, asked: &Asked<'_>) -> Result<(), Full> {
        if let Some(reason) = &self.closed {
            return Err(Full::Closed(reason.clone()));
        }
        let in_vhost = self.by_vhost.get(asked.vhost).copied().unwrap_or_default();
        if let Some(limit) = Limit::reached(asked.most_of_vhost, in_vhost) {
            return Err(Full::Vhost(limit));
        }
        let of_user = self.by_user.get(asked.user).map(|(connections, _)| *connections).unwrap_or_default();
        Limit::reached(asked.most_of_user, of_user).map_or(Ok(()), |limit| Err(Full::User(limit)))
    }

    fn clear(&self, is_meant: impl Fn(&Sitting) -> bool, reason: &str, effects: &mut Effects) {
        let reason: Arc<str> = reason.into();
        for sitting in self.connections.values().filter(|sitting| is_meant(sitting)) {
            if sitting.outlet.notify(Notice::Forced(reason.clone())) {
                effects.wakes.push(sitting.outlet.id());
            }
        }
    }
}

impl Seats {
    /// Whether there would be a seat.
    pub fn check(&self, asked: &Asked<'_>) -> Result<(), Full> {
        self.0.lock().check(asked)
    }

    /// Takes a seat, if neither limit is reached.
    pub fn take(self: &Arc<Self>, asked: &Asked<'_>, outlet: &Arc<Outlet>) -> Result<Seat, Full> {
        let mut taken = self.0.lock();
        taken.check(asked)?;
        let (vhost, user): (Arc<str>, Arc<str>) = (asked.vhost.into(), asked.user.into());
        *taken.by_vhost.entry(vhost.clone()).or_default() += 1;
        let (connections, channels) = taken.by_user.entry(user.clone()).or_default();
        *connections += 1;
        let channels = channels.clone();
        taken.connections.insert(outlet.id(), Sitting { vhost, user, outlet: outlet.clone() });
        Ok(Seat { seats: self.clone(), connection: outlet.id(), channels })
    }

    /// A seat beside the others: whoever has it does not count, and is not asked to go.
    pub fn aside(self: &Arc<Self>, connection: ConnectionId) -> Seat {
        Seat { seats: self.clone(), connection, channels: Arc::default() }
    }

    /// Asks every connection of a virtual host to go.
    pub fn clear_vhost(&self, vhost: &str, reason: &str, effects: &mut Effects) {
        self.clear(|sitting| *sitting.vhost == *vhost, reason, effects);
    }

    /// Asks every connection of a user to go.
    pub fn clear_user(&self, user: &str, reason: &str, effects: &mut Effects) {
        self.clear(|sitting| *sitting.user == *user, reason, effects);
    }

    /// Asks every connection to go, and lets nobody in until [`Seats::open`].
    pub fn close(&self, reason: &str, effects: &mut Effects) {
        let mut taken = self.0.lock();
        taken.closed = Some(reason.into());
        taken.clear(|_| true, reason, effects);
    }

    /// Lets connections in again.
    pub fn open(&self) {
        self.0.lock().closed = None;
    }

    /// Why nobody is let in.
    pub fn closed(&self) -> Option<Arc<str>> {
        self.0.lock().closed.clone()
    }

    fn clear(&self, is_meant: impl Fn(&Sitting) -> bool, reason: &str, effects: &mut Effects) {
        self.0.lock().clear(is_meant, reason, effects);
    }

    fn leave(&self, connection: ConnectionId) {
        let mut taken = self.0.lock();
        let Some(Sitting { vhost, user, .. }) = taken.connections.remove(&connection) else { return };
        if let Some(count) = taken.by_vhost.get_mut(&vhost) {
            *count -= 1;
            if *count == 0 {
                taken.by_vhost.remove(&vhost);
            }
        }
        if let Some((count, _)) = taken.by_user.get_mut(&user) {
            *count -= 1;
            if *count == 0 {
                taken.by_user.remove(&user);
            }
        }
    }
}

/// A connection counts.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    connection: ConnectionId,
    /// Of its user, on all connections.
    channels: Arc<AtomicU64>,
}

impl Seat {
    /// Counts a channel, unless so many are open that the limit is reached, which is returned then.
    pub fn take_channel(&self, most: Option<Limit>) -> Result<ChannelSeat, u64> {
        let next = |open: u64| Limit::reached(most, open).is_none().then_some(open + 1);
        match self.channels.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) {
            Ok(_) => Ok(ChannelSeat(self.channels.clone())),
            Err(open) => Err(Limit::reached(most, open).unwrap_or(open)),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.leave(self.connection);
    }
}

/// A channel counts.
#[derive(Debug)]
pub struct ChannelSeat(Arc<AtomicU64>);

impl Drop for ChannelSeat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<'a>(vhost: &'a str, user: &'a str, most: (i64, i64)) -> Asked<'a> {
        Asked { vhost, user, most_of_vhost: Some(Limit(most.0)), most_of_user: Some(Limit(most.1)) }
    }

    fn outlet(id: u64) -> Arc<Outlet> {
        Arc::new(Outlet::new(ConnectionId(id)))
    }

    #[test]
    fn the_virtual_host_is_full_before_the_user_is_asked() {
        let seats = Arc::new(Seats::default());
        let first = seats.take(&asked("v", "u", (1, 1)), &outlet(1)).unwrap();
        assert_eq!(seats.take(&asked("v", "u", (1, 1)), &outlet(2)).unwrap_err(), Full::Vhost(1));
        assert_eq!(seats.take(&asked("w", "u", (1, 1)), &outlet(2)).unwrap_err(), Full::User(1));
        drop(first);
        assert!(seats.take(&asked("v", "u", (1, 1)), &outlet(2)).is_ok());
    }

    #[test]
    fn who_comes_after_the_close_is_not_let_in_until_it_is_open_again() {
        let seats = Arc::new(Seats::default());
        let mut effects = Effects::default();
        let _first = seats.take(&asked("v", "u", (-1, -1)), &outlet(1)).unwrap();
        seats.close("gone", &mut effects);
        assert_eq!(effects.wakes, [ConnectionId(1)]);
        let refused = seats.take(&asked("v", "u", (-1, -1)), &outlet(2)).unwrap_err();
        assert_eq!(refused, Full::Closed("gone".into()));
        seats.open();
        assert!(seats.take(&asked("v", "u", (-1, -1)), &outlet(2)).is_ok());
    }

    #[test]
    fn channels_of_all_connections_of_a_user_count_together() {
        let seats = Arc::new(Seats::default());
        let take = |user: &str, id: u64| seats.take(&asked("v", user, (-1, -1)), &outlet(id)).unwrap();
        let (one, other, stranger) = (take("u", 1), take("u", 2), take("w", 3));
        let first = one.take_channel(Some(Limit(1))).unwrap();
        assert_eq!(other.take_channel(Some(Limit(1))).unwrap_err(), 1);
        assert!(stranger.take_channel(Some(Limit(1))).is_ok());
        drop(first);
        assert!(other.take_channel(Some(Limit(1))).is_ok());
    }

    /// No more than the limit are ever in, and when all have gone nobody is.
    #[test]
    fn whoever_comes_and_goes_at_the_same_time_is_counted_once() {
        const MOST: i64 = 3;
        let seats = Arc::new(Seats::default());
        let inside = std::sync::atomic::AtomicI64::new(0);
        std::thread::scope(|scope| {
            for id in 0..4 {
                let (seats, inside) = (&seats, &inside);
                scope.spawn(move || {
                    for round in 0..500 {
                        let limits = asked("v", "u", (MOST, -1));
                        let Ok(seat) = seats.take(&limits, &outlet(id * 1000 + round)) else { continue };
                        assert!(inside.fetch_add(1, Ordering::SeqCst) < MOST);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(seat);
                    }
                });
            }
        });
        let taken = seats.0.lock();
        assert!(taken.connections.is_empty() && taken.by_vhost.is_empty() && taken.by_user.is_empty());
    }
}
