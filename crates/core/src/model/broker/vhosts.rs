//! The virtual hosts of a broker: how they come, who comes into them, and how they go.
//!
//! Invariants:
//! - The log hears of a virtual host before anything in it, and of its end after everything in it.
//! - Whoever is in a virtual host when it is deleted is asked to go, and nobody comes in afterwards: a seat is taken
//!   before the virtual host is looked for again.
//!
//! Lock order: virtual hosts → `Topology` → …, virtual hosts → users, both → seats → outlet, virtual hosts →
//! parameters.

use std::sync::Arc;

use crate::effect::Effects;
use crate::id::ConnectionId;
use crate::model::broker::Broker;
use crate::model::definition::Definition;
use crate::model::event;
use crate::model::outlet::Outlet;
use crate::model::seats::{Asked, Full, Seat};
use crate::model::user::User;
use crate::model::vhost::{Vhost, VhostDetails};
use crate::refusal::{Refusal, Ruling};
use crate::time::Timestamp;

impl Broker {
    /// Adds a virtual host; one that is there stays as it is.
    pub fn add_vhost(&self, name: &str) -> Arc<Vhost> {
        let mut vhosts = self.vhosts.write();
        let vhost = || {
            let default_queue_type = self.settings.default_queue_type;
            let details = Arc::new(VhostDetails { default_queue_type, ..VhostDetails::default() });
            self.define(|| Definition::Vhost { name: name.to_owned(), details: details.clone() });
            let vhost = self.new_vhost(name);
            vhost.tell_created(details);
            vhost
        };
        vhosts.entry(name.to_owned()).or_insert_with(vhost).clone()
    }

    /// One that is not there yet.
    pub(super) fn new_vhost(&self, name: &str) -> Arc<Vhost> {
        let vhost = Vhost::new(name, self.entropy.words(), self.store.clone(), self.events.clone());
        vhost.set_tracing(self.settings.traced_vhosts.iter().any(|traced| traced == name));
        Arc::new(vhost)
    }

    /// A virtual host by name.
    pub fn vhost(&self, name: &str) -> Option<Arc<Vhost>> {
        self.vhosts.read().get(name).cloned()
    }

    /// All virtual hosts, in no order.
    pub fn vhosts(&self) -> Vec<Arc<Vhost>> {
        self.vhosts.read().values().cloned().collect()
    }

    /// Deletes a virtual host with everything in it, and what users may do there; its connections are asked to go.
    /// `false`: there was none.
    pub fn delete_vhost(&self, now: Timestamp, name: &str, effects: &mut Effects) -> bool {
        // Held to the end: one of the same name that comes next is defined, and entered, after this one's end.
        let mut vhosts = self.vhosts.write();
        let Some(vhost) = vhosts.remove(name) else { return false };
        vhost.close(now, effects);
        *self.past.lock() += vhost.past();
        self.forget_permissions(name);
        self.forget_parameters(name);
        self.define(|| Definition::NoVhost(name.to_owned()));
        self.events.note(|| event::vhost_deleted(name));
        self.seats.clear_vhost(name, &format!("vhost '{name}' is deleted"), effects);
        true
    }

    /// Somebody of the house works in a virtual host for a moment; no limit is asked.
    pub fn enter_aside(&self, name: &str, connection: ConnectionId) -> Ruling<(Arc<Vhost>, Seat)> {
        if let Some(reason) = self.seats.closed() {
            return Err(Refusal::connection_forced(reason.to_string()));
        }
        let vhost = self.vhost(name).ok_or_else(|| Refusal::not_found(format!("no vhost '{name}'")))?;
        Ok((vhost, self.seats.aside(connection)))
    }

    /// Asks everybody who is in any virtual host to go, with this reason, and lets nobody in until [`Broker::let_in`].
    pub fn let_nobody_in(&self, reason: &str, effects: &mut Effects) {
        self.seats.close(reason, effects);
    }

    /// Lets connections in again.
    pub fn let_in(&self) {
        self.seats.open();
    }

    /// A user's connection comes in, if it may: the checks of connection.open, in RabbitMQ's order.
    pub fn enter(&self, user: &User, name: &str, outlet: &Arc<Outlet>) -> Ruling<(Arc<Vhost>, Seat)> {
        let missing = || Refusal::not_allowed(format!("vhost {name} not found"));
        let vhost = self.vhost(name).ok_or_else(missing)?;
        // Asked again, for it may have changed since the login.
        let user_now = self.user(&user.name);
        let asked = Asked {
            vhost: name,
            user: &user.name,
            most_of_vhost: vhost.details().limits.max_connections,
            most_of_user: user_now.as_ref().and_then(|user| user.limits.max_connections),
        };
        let full = |full| full_text(&asked, full);
        if user_now.is_none_or(|user| user.permissions(name).is_none()) {
            self.seats.check(&asked).map_err(full)?;
            let user = &user.name;
            return Err(Refusal::not_allowed(format!("access to vhost '{name}' refused for user '{user}'")));
        }
        let seat = self.seats.take(&asked, outlet).map_err(full)?;
        // Whoever deleted either of them before has not seen the seat; whoever does it from now on will.
        let is_there = self.vhost(name).is_some_and(|now| Arc::ptr_eq(&now, &vhost));
        if is_there && self.user(&user.name).is_some() { Ok((vhost, seat)) } else { Err(missing()) }
    }
}

fn full_text(asked: &Asked<'_>, full: Full) -> Refusal {
    let Asked { vhost, user, .. } = asked;
    Refusal::not_allowed(match full {
        Full::Closed(reason) => return Refusal::connection_forced(reason.to_string()),
        Full::Vhost(limit) => {
            format!(
                "access to vhost '{vhost}' refused for user '{user}': connection limit ({limit}) is reached"
            )
        }
        Full::User(limit) => {
            format!("connection refused for user '{user}': user connection limit ({limit}) is reached")
        }
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::id::ConnectionId;
    use crate::model::broker::BrokerSettings;
    use crate::model::outlet::Notice;
    use crate::model::password::PasswordHash;
    use crate::model::user::Permissions;
    use crate::store::NoStore;

    fn furnish(broker: &Broker) {
        broker.add_vhost("v");
        broker.set_permissions("u", "v", Permissions::new("", "", ""));
    }

    /// Whoever was in one that has gone is asked to go, and nobody else, however the two meet.
    #[test]
    fn nobody_stays_in_a_virtual_host_that_has_gone() {
        let broker = Broker::new(BrokerSettings::default(), [7; 32], Arc::new(NoStore));
        let user = User::new("u", PasswordHash::default(), Vec::new());
        broker.put_user(user.clone());
        furnish(&broker);
        let come_in = |first: u64| {
            let ids = (0..4000).map(|number| first * 10_000 + number);
            let outlets = ids.map(|id| Arc::new(Outlet::new(ConnectionId(id))));
            let entered =
                outlets.filter_map(|outlet| Some((broker.enter(&user, "v", &outlet).ok()?, outlet)));
            entered.collect::<Vec<_>>()
        };
        let before = come_in(0);
        assert!(!before.is_empty());
        let after: Vec<_> = thread::scope(|scope| {
            let comers = [1, 2, 3].map(|first| scope.spawn(move || come_in(first)));
            while comers.iter().any(|comer| !comer.is_finished()) {
                assert!(broker.delete_vhost(Timestamp::default(), "v", &mut Effects::default()));
                furnish(&broker);
            }
            comers.into_iter().flat_map(|comer| comer.join().unwrap()).collect()
        });
        let current = broker.vhost("v").unwrap();
        for ((vhost, _seat), outlet) in before.iter().chain(&after) {
            let notices = outlet.drain(&mut std::collections::VecDeque::new());
            let is_forced = notices.iter().any(|notice| matches!(notice, Notice::Forced(_)));
            assert_eq!(is_forced, !Arc::ptr_eq(vhost, &current));
        }
    }
}
