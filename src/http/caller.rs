//! Who asks: the user behind a request's credentials, and what its tags make of it.
//!
//! RabbitMQ's hashes are one round of SHA-256, a microsecond: they are checked anew for every request, so that a changed
//! password or a deleted user counts at once, and nothing is remembered of passwords.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use leveret_core::model::{Access, Broker, Resource, User};

use super::answer::Problem;

/// What tags make of a user; `administrator` is everything, `monitoring` and `policymaker` are `management`, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Management,
    Policymaker,
    Monitoring,
    Administrator,
}

impl Role {
    const fn tags(self) -> &'static [&'static str] {
        match self {
            Self::Management => &["management", "policymaker", "monitoring", "administrator"],
            Self::Policymaker => &["policymaker", "administrator"],
            Self::Monitoring => &["monitoring", "administrator"],
            Self::Administrator => &["administrator"],
        }
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Nobody said who.
    Nobody,
    /// A process of the broker's own user, which is an administrator.
    Local,
    /// A user.
    User(Arc<User>),
}

impl Caller {
    /// Whether it may do what this role may.
    pub fn is(&self, role: Role) -> bool {
        match self {
            Self::Nobody => false,
            Self::Local => true,
            Self::User(user) => role.tags().iter().any(|tag| user.has_tag(tag)),
        }
    }

    /// The user's name; what RabbitMQ calls its own tools for the local one.
    pub fn name(&self) -> &str {
        match self {
            Self::Nobody => "",
            Self::Local => "rmq-cli",
            Self::User(user) => &user.name,
        }
    }

    /// Whether it has permissions in a virtual host, whatever they are.
    pub fn may_enter(&self, vhost: &str) -> bool {
        match self {
            Self::Nobody => false,
            Self::Local => true,
            Self::User(user) => user.permissions(vhost).is_some(),
        }
    }

    /// Whether lists show it what is in a virtual host.
    pub fn sees_vhost(&self, vhost: &str) -> bool {
        self.is(Role::Administrator) || self.may_enter(vhost)
    }

    /// Refuses what the permissions do not grant, as RabbitMQ says it over HTTP.
    pub fn check(&self, vhost: &str, access: Access, resource: Resource<'_>) -> Result<(), Problem> {
        match self {
            Self::Local => Ok(()),
            Self::Nobody => Err(Problem::access_refused()),
            Self::User(user) => Ok(user.check(vhost, access, resource)?),
        }
    }
}

/// What a request says of who sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    None,
    /// A name and a password.
    Basic { user: String, password: Vec<u8> },
    /// Something that is not understood here.
    Other,
    /// What should be a name and a password is none.
    Malformed,
}

impl Credentials {
    /// Of a request's headers.
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(AUTHORIZATION) else { return Self::None };
        let Some((scheme, rest)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
            return Self::Malformed;
        };
        if !scheme.eq_ignore_ascii_case("basic") {
            return Self::Other;
        }
        let decoded = STANDARD.decode(rest.trim()).ok();
        let parts = decoded.as_deref().and_then(|bytes| {
            let colon = bytes.iter().position(|byte| *byte == b':')?;
            let (user, rest) = bytes.split_at_checked(colon)?;
            Some((String::from_utf8(user.to_vec()).ok()?, rest.get(1..)?.to_vec()))
        });
        parts.map_or(Self::Malformed, |(user, password)| Self::Basic { user, password })
    }
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// The password is not that user's, or there is no such user.
    Unknown,
    /// The user may come from this machine only.
    NotFromHere,
}

/// The user of a name and a password, coming from this machine or not. Hashes, so not where traffic is carried.
pub fn log_in(core: &Broker, user: &str, password: &[u8], is_loopback: bool) -> Result<Arc<User>, Stranger> {
    let known = core.user(user).filter(|known| known.password.matches(password)).ok_or(Stranger::Unknown)?;
    let from_here_only = core.settings().loopback_users.contains(&known.name);
    if is_loopback || !from_here_only {
        return Ok(known);
    }
    tracing::warn!("HTTP access denied: user '{}' can only log in via localhost", user.escape_debug());
    Err(Stranger::NotFromHere)
}

#[cfg(test)]
mod tests {
    use leveret_core::NoStore;
    use leveret_core::model::{BrokerSettings, PasswordHash};

    use super::*;

    #[test]
    fn some_users_come_from_this_machine_only() {
        let core = Broker::new(BrokerSettings::default(), [7; 32], Arc::new(NoStore));
        for name in ["guest", "jane"] {
            core.put_user(User::new(name, PasswordHash::of("secret", [1; 4]), Vec::new()));
        }
        let log_in = |name, password, is_loopback| {
            log_in(&core, name, password, is_loopback).map(|user| user.name.clone())
        };
        assert_eq!(log_in("guest", b"secret", true), Ok("guest".to_owned()));
        assert_eq!(log_in("guest", b"secret", false), Err(Stranger::NotFromHere));
        assert_eq!(log_in("jane", b"secret", false), Ok("jane".to_owned()));
        // Whoever does not know the password does not learn where the user may come from.
        assert_eq!(log_in("guest", b"wrong", false), Err(Stranger::Unknown));
        assert_eq!(log_in("nobody", b"secret", true), Err(Stranger::Unknown));
    }

    fn of(value: &str) -> Credentials {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        Credentials::of(&headers)
    }

    #[test]
    fn a_password_may_have_colons_and_any_bytes() {
        let basic = |user: &str, password: &[u8]| Credentials::Basic {
            user: user.to_owned(),
            password: password.to_vec(),
        };
        let encoded = |bytes: &[u8]| of(&format!("basic {}", STANDARD.encode(bytes)));
        assert_eq!(encoded(b"guest:a:b\xff"), basic("guest", b"a:b\xff"));
        assert_eq!(encoded(b":"), basic("", b""));
        assert_eq!(encoded(b"guest"), Credentials::Malformed);
        assert_eq!(of("Basic ***"), Credentials::Malformed);
        assert_eq!(of("Bearer abc"), Credentials::Other);
        assert_eq!(Credentials::of(&HeaderMap::new()), Credentials::None);
    }
}
