//! Users, and what each may do in a virtual host.
//!
//! A pattern is searched for anywhere in the name, as RabbitMQ does (`foo` grants `xfooy`); an empty one
//! matches only the empty name; one that does not compile denies everything. The default exchange is
//! checked under the name `amq.default`.

mod topic;

use std::collections::BTreeMap;
use std::fmt;

use fancy_regex::Regex;

use crate::model::limit::UserLimits;
use crate::model::password::PasswordHash;
use crate::refusal::{Refusal, Ruling};

pub use topic::{TopicPermissions, TopicRow};

/// What an operation does to a queue or exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Create, delete, or change.
    Configure,
    /// Put messages in.
    Write,
    /// Take messages out.
    Read,
}

impl fmt::Display for Access {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Configure => "configure",
            Self::Write => "write",
            Self::Read => "read",
        })
    }
}

/// What an operation is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource<'a> {
    /// A queue.
    Queue(&'a str),
    /// An exchange; the default one is the empty name.
    Exchange(&'a str),
}

impl Resource<'_> {
    fn checked_name(&self) -> &str {
        match self {
            Self::Exchange("") => "amq.default",
            Self::Exchange(name) | Self::Queue(name) => name,
        }
    }
}

impl fmt::Display for Resource<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(_) => write!(out, "queue '{}'", self.checked_name()),
            Self::Exchange(_) => write!(out, "exchange '{}'", self.checked_name()),
        }
    }
}

/// One pattern of a permission.
#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    regex: Option<Regex>,
}

impl Pattern {
    fn new(text: &str) -> Self {
        let regex = Regex::new(if text.is_empty() { "^$" } else { text }).ok();
        Self { text: text.to_owned(), regex }
    }

    fn grants(&self, name: &str) -> bool {
        // Everything is by far the most common grant.
        self.text == ".*" || self.regex.as_ref().is_some_and(|regex| regex.is_match(name).unwrap_or(false))
    }
}

/// What one user may do in one virtual host.
#[derive(Clone, Debug)]
pub struct Permissions {
    configure: Pattern,
    write: Pattern,
    read: Pattern,
}

impl Permissions {
    /// From three regular expressions.
    pub fn new(configure: &str, write: &str, read: &str) -> Self {
        Self { configure: Pattern::new(configure), write: Pattern::new(write), read: Pattern::new(read) }
    }

    /// The regular expression of one access, as it was given.
    pub fn pattern(&self, access: Access) -> &str {
        &self.of(access).text
    }

    /// Whether this access is granted.
    pub fn grants(&self, access: Access, resource: Resource<'_>) -> bool {
        self.of(access).grants(resource.checked_name())
    }

    fn of(&self, access: Access) -> &Pattern {
        match access {
            Access::Configure => &self.configure,
            Access::Write => &self.write,
            Access::Read => &self.read,
        }
    }
}

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// The name it logs in with.
    pub name: String,
    /// What its password is checked against.
    pub password: PasswordHash,
    /// `administrator`, `impersonator` and so on; they give no permission on queues or exchanges.
    pub tags: Vec<String>,
    /// How much it may have open.
    pub limits: UserLimits,
    permissions: BTreeMap<String, Permissions>,
    /// By virtual host and exchange.
    topics: BTreeMap<(String, String), TopicPermissions>,
}

impl User {
    /// A user without any permission.
    pub fn new(name: &str, password: PasswordHash, tags: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            password,
            tags,
            limits: UserLimits::default(),
            permissions: BTreeMap::new(),
            topics: BTreeMap::new(),
        }
    }

    /// Grants, or changes what was granted.
    pub fn set_permissions(&mut self, vhost: &str, permissions: Permissions) {
        self.permissions.insert(vhost.to_owned(), permissions);
    }

    /// Takes back what was granted in a virtual host. `false`: nothing was.
    pub fn clear_permissions(&mut self, vhost: &str) -> bool {
        self.permissions.remove(vhost).is_some()
    }

    /// May do, and have, what another may, where nothing is said of this one.
    pub fn inherit(&mut self, other: &Self) {
        if self.limits == UserLimits::default() {
            self.limits = other.limits;
        }
        for (vhost, permissions) in &other.permissions {
            self.permissions.entry(vhost.clone()).or_insert_with(|| permissions.clone());
        }
        for (place, permissions) in &other.topics {
            self.topics.entry(place.clone()).or_insert_with(|| permissions.clone());
        }
    }

    /// Whether anything is said of it in a virtual host.
    pub fn is_known_in(&self, vhost: &str) -> bool {
        self.permissions.contains_key(vhost) || self.topics.keys().any(|(known, _)| known == vhost)
    }

    /// Nothing is said of it in a virtual host any more.
    pub fn forget_vhost(&mut self, vhost: &str) {
        self.permissions.remove(vhost);
        self.clear_topic_permissions(vhost, None);
    }

    /// What it may do in a virtual host; `None`: not even enter.
    pub fn permissions(&self, vhost: &str) -> Option<&Permissions> {
        self.permissions.get(vhost)
    }

    /// What it may do, by virtual host.
    pub fn all_permissions(&self) -> impl Iterator<Item = (&str, &Permissions)> {
        self.permissions.iter().map(|(vhost, permissions)| (vhost.as_str(), permissions))
    }

    /// Whether it carries a tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|own| own == tag)
    }

    /// Refuses with RabbitMQ's text unless the access is granted.
    pub fn check(&self, vhost: &str, access: Access, resource: Resource<'_>) -> Ruling {
        self.check_any(vhost, &[access], resource)
    }

    /// The same for any one of several accesses; the refusal names the first.
    pub fn check_any(&self, vhost: &str, any_of: &[Access], resource: Resource<'_>) -> Ruling {
        let granted = self
            .permissions(vhost)
            .is_some_and(|own| any_of.iter().any(|access| own.grants(*access, resource)));
        if granted {
            return Ok(());
        }
        let access = any_of.first().copied().unwrap_or(Access::Configure);
        Err(Refusal::access_refused(format!(
            "{access} access to {resource} in vhost '{vhost}' refused for user '{}'",
            self.name
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(pattern: &str, name: &str) -> bool {
        Permissions::new(pattern, "", "").grants(Access::Configure, Resource::Queue(name))
    }

    #[test]
    fn a_pattern_is_searched_for_anywhere_in_the_name() {
        assert!(grants("foo", "xfooy"));
        assert!(!grants("^foo", "xfooy"));
        assert!(!grants("Foo", "xfooy"));
    }

    #[test]
    fn an_empty_pattern_grants_only_the_empty_name_and_a_bad_one_nothing() {
        assert!(!grants("", "q"));
        assert!(grants("", ""));
        assert!(!grants("(", "("));
    }

    #[test]
    fn what_was_granted_can_be_told_as_it_was_given() {
        let mut user = User::new("jane", PasswordHash::default(), vec![]);
        user.set_permissions("b", Permissions::new("", "^b", "("));
        user.set_permissions("a", Permissions::new(".*", ".*", ".*"));
        let told: Vec<_> = user
            .all_permissions()
            .map(|(vhost, own)| {
                (vhost, [Access::Configure, Access::Write, Access::Read].map(|access| own.pattern(access)))
            })
            .collect();
        assert_eq!(told, [("a", [".*", ".*", ".*"]), ("b", ["", "^b", "("])]);
    }

    #[test]
    fn lookahead_works_as_in_the_patterns_of_rabbitmq_users() {
        assert!(grants("^(?!secret).*", "public"));
        assert!(!grants("^(?!secret).*", "secret.one"));
    }

    #[test]
    fn the_default_exchange_is_checked_as_amq_default() {
        let permissions = Permissions::new("", "amq\\.default", "");
        assert!(permissions.grants(Access::Write, Resource::Exchange("")));
    }
}
