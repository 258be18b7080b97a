//! Topic permissions: which routing keys a user may use with one exchange.
//!
//! Only exchanges of type topic ask for them, and a user of whom nothing is said for an exchange may use every key
//! there. `{username}` and `{vhost}` in a pattern stand for what they name, letter by letter; both are known when the
//! permission is given, so nothing is put together when it is asked for.

use std::borrow::Cow;

use crate::model::user::{Access, Pattern, User};
use crate::refusal::{Refusal, Ruling};

/// What one user may do with the keys of one exchange.
#[derive(Clone, Debug)]
pub struct TopicPermissions {
    write: Topic,
    read: Topic,
}

/// A pattern as it was given, and what it is for this user and virtual host.
#[derive(Clone, Debug)]
struct Topic {
    given: String,
    pattern: Pattern,
}

impl Topic {
    fn new(given: &str, user: &str, vhost: &str) -> Self {
        let expanded = given
            .replace("{username}", &fancy_regex::escape(user))
            .replace("{vhost}", &fancy_regex::escape(vhost));
        Self { given: given.to_owned(), pattern: Pattern::new(&expanded) }
    }
}

impl TopicPermissions {
    fn of(&self, access: Access) -> &Topic {
        // There is nothing about a key to be configured.
        if access == Access::Read { &self.read } else { &self.write }
    }

    /// The regular expression of one access, as it was given.
    pub fn pattern(&self, access: Access) -> &str {
        &self.of(access).given
    }
}

/// What is said of one exchange, for listings.
#[derive(Clone, Copy, Debug)]
pub struct TopicRow<'a> {
    /// The virtual host.
    pub vhost: &'a str,
    /// The exchange; it need not be there.
    pub exchange: &'a str,
    /// What the user may do with its keys.
    pub permissions: &'a TopicPermissions,
}

impl User {
    /// Says which keys of an exchange it may publish with and bind with, instead of what was said before.
    pub fn set_topic_permissions(&mut self, (vhost, exchange): (&str, &str), write: &str, read: &str) {
        let (write, read) = (Topic::new(write, &self.name, vhost), Topic::new(read, &self.name, vhost));
        let place = (vhost.to_owned(), exchange.to_owned());
        self.topics.insert(place, TopicPermissions { write, read });
    }

    /// Takes back what was said of one exchange, or of all in a virtual host. `false`: nothing was.
    pub fn clear_topic_permissions(&mut self, vhost: &str, exchange: Option<&str>) -> bool {
        let before = self.topics.len();
        self.topics
            .retain(|(in_vhost, of), _| in_vhost != vhost || exchange.is_some_and(|exchange| of != exchange));
        self.topics.len() < before
    }

    /// What is said of one exchange; `None`: it may use every key.
    pub fn topic_permissions(&self, vhost: &str, exchange: &str) -> Option<&TopicPermissions> {
        if self.topics.is_empty() {
            return None;
        }
        self.topics.get(&(vhost.to_owned(), exchange.to_owned()))
    }

    /// What is said of all exchanges.
    pub fn all_topic_permissions(&self) -> impl Iterator<Item = TopicRow<'_>> {
        self.topics.iter().map(|((vhost, exchange), permissions)| TopicRow { vhost, exchange, permissions })
    }

    /// Refuses with RabbitMQ's text unless it may use this key with a topic exchange.
    pub fn check_topic(&self, access: Access, (vhost, exchange): (&str, &str), key: &[u8]) -> Ruling {
        let Some(own) = self.topic_permissions(vhost, exchange) else { return Ok(()) };
        let key: Cow<'_, str> = String::from_utf8_lossy(key);
        if own.of(access).pattern.grants(&key) {
            return Ok(());
        }
        Err(Refusal::access_refused(format!(
            "{access} access to topic '{key}' in exchange '{exchange}' in vhost '{vhost}' refused for user '{}'",
            self.name
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::password::PasswordHash;

    fn user(name: &str, write: &str) -> User {
        let mut user = User::new(name, PasswordHash::default(), Vec::new());
        user.set_topic_permissions(("v.1", "x"), write, "");
        user
    }

    fn may(user: &User, key: &str) -> bool {
        user.check_topic(Access::Write, ("v.1", "x"), key.as_bytes()).is_ok()
    }

    #[test]
    fn variables_stand_for_what_they_name_letter_by_letter() {
        let user = user("a+b", "^{vhost}\\.{username}\\.");
        assert!(may(&user, "v.1.a+b.key"));
        assert!(!may(&user, "vx1.a+b.key") && !may(&user, "v.1.aab.key"));
        let own = user.topic_permissions("v.1", "x").unwrap();
        assert_eq!(own.pattern(Access::Write), "^{vhost}\\.{username}\\.");
    }

    #[test]
    fn only_what_is_said_of_an_exchange_holds_there() {
        let mut user = user("u", "^a");
        assert!(may(&user, "a") && !may(&user, "b"));
        assert!(user.check_topic(Access::Write, ("v.1", "other"), b"b").is_ok());
        assert!(user.check_topic(Access::Write, ("w", "x"), b"b").is_ok());
        assert!(!user.clear_topic_permissions("v.1", Some("other")) && !may(&user, "b"));
        assert!(user.clear_topic_permissions("v.1", None) && may(&user, "b"));
    }
}
