//! The users of a broker, and what changes about them while they are connected.
//!
//! Invariant: the log and the permission epoch follow every change, under the lock that guards the users.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::effect::Effects;
use crate::model::broker::Broker;
use crate::model::definition::Definition;
use crate::model::event;
use crate::model::user::{Permissions, User};

impl Broker {
    /// Whether there is no user: nobody could log in. A virtual host may be there, if the very first start was cut
    /// short between the two.
    pub fn is_blank(&self) -> bool {
        self.users.read().is_empty()
    }

    /// Adds a user, or replaces the one of that name. What that one may do it may do still, as far as the new one does
    /// not say otherwise.
    pub fn put_user(&self, mut user: User) {
        let mut users = self.users.write();
        if let Some(known) = users.get(&user.name) {
            user.inherit(known);
        }
        self.define(|| Definition::User(user.clone()));
        self.tell_user(users.get(&user.name).map(Arc::as_ref), &user);
        users.insert(user.name.clone(), Arc::new(user));
        self.permission_epoch.fetch_add(1, Ordering::Release);
    }

    /// A user by name.
    pub fn user(&self, name: &str) -> Option<Arc<User>> {
        self.users.read().get(name).cloned()
    }

    /// All users, in no order.
    pub fn users(&self) -> Vec<Arc<User>> {
        self.users.read().values().cloned().collect()
    }

    /// Changes something about a user; what it is called stays. `false`: there is no such user.
    pub fn change_user(&self, name: &str, change: impl FnOnce(&mut User)) -> bool {
        let mut users = self.users.write();
        let Some(known) = users.get_mut(name) else { return false };
        let before = self.events.is_on().then(|| known.clone());
        change(Arc::make_mut(known));
        self.define(|| Definition::User(known.as_ref().clone()));
        self.tell_user(before.as_deref(), known);
        self.permission_epoch.fetch_add(1, Ordering::Release);
        true
    }

    /// Grants a user what it may do in a virtual host. `false`: there is no such user.
    pub fn set_permissions(&self, user: &str, vhost: &str, permissions: Permissions) -> bool {
        self.change_user(user, |user| user.set_permissions(vhost, permissions))
    }

    /// Deletes a user; its connections are asked to go. `false`: there was none.
    pub fn delete_user(&self, name: &str, effects: &mut Effects) -> bool {
        // Held to the end: whoever logs in as the next one of this name is not meant.
        let mut users = self.users.write();
        if users.remove(name).is_none() {
            return false;
        }
        self.define(|| Definition::NoUser(name.to_owned()));
        self.events.note(|| event::user_deleted(name));
        self.permission_epoch.fetch_add(1, Ordering::Release);
        self.seats.clear_user(name, &format!("user '{name}' is deleted"), effects);
        true
    }

    /// A virtual host is deleted: nobody may do anything there, also if one of the same name comes.
    pub(super) fn forget_permissions(&self, vhost: &str) {
        let mut users = self.users.write();
        for user in users.values_mut().filter(|user| user.is_known_in(vhost)) {
            let before = self.events.is_on().then(|| user.clone());
            Arc::make_mut(user).forget_vhost(vhost);
            self.define(|| Definition::User(user.as_ref().clone()));
            self.tell_user(before.as_deref(), user);
        }
        self.permission_epoch.fetch_add(1, Ordering::Release);
    }

    /// Call before the user is changed to what it is `after`, or with what it was.
    fn tell_user(&self, before: Option<&User>, after: &User) {
        if self.events.is_on() {
            self.events.note_all(event::user_changed(before, after));
        }
    }

    /// Rises with every change of users or permissions.
    pub fn permission_epoch(&self) -> u64 {
        self.permission_epoch.load(Ordering::Acquire)
    }
}
