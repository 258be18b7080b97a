//! How many connections, queues and channels a virtual host or a user may have.
//!
//! A limit of N refuses whoever would be the one after the Nth; zero refuses everybody, and what is negative nobody
//! (RabbitMQ). Names and texts are RabbitMQ's.

use crate::model::term::Term;

/// One limit, as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub i64);

impl Limit {
    /// The number that is reached when there are so many already.
    pub fn reached(limit: Option<Self>, already: u64) -> Option<u64> {
        let most = u64::try_from(limit?.0).ok()?;
        (most <= already).then_some(most)
    }
}

/// Why limits are refused, in RabbitMQ's words.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LimitError {
    /// There is no limit of this name.
    #[error("Unrecognised terms [{{<<\"{name}\">>,{value}}}] in {list}")]
    Unknown {
        /// The name.
        name: String,
        /// What was given for it.
        value: Term,
        /// `limits` or `user-limits`.
        list: &'static str,
    },
    /// It is no whole number.
    #[error("{name} should be a number, actually was {value}")]
    NoNumber {
        /// Its name.
        name: String,
        /// What was given for it.
        value: Term,
    },
}

/// The limits of a virtual host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VhostLimits {
    /// Open connections.
    pub max_connections: Option<Limit>,
    /// Queues of any kind.
    pub max_queues: Option<Limit>,
}

impl VhostLimits {
    /// Sets a limit, or takes it away.
    pub fn set(&mut self, name: &str, value: Option<&Term>) -> Result<(), LimitError> {
        let limit = match name {
            "max-connections" => &mut self.max_connections,
            "max-queues" => &mut self.max_queues,
            _ => return unknown(name, value, "limits"),
        };
        *limit = value.map(|value| number(name, value)).transpose()?;
        Ok(())
    }

    /// The limits that are set, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Limit)> {
        let all = [("max-connections", self.max_connections), ("max-queues", self.max_queues)];
        all.into_iter().filter_map(|(name, limit)| Some((name, limit?)))
    }
}

/// The limits of a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserLimits {
    /// Open connections, whatever the virtual host.
    pub max_connections: Option<Limit>,
    /// Open channels, on all of its connections.
    pub max_channels: Option<Limit>,
}

impl UserLimits {
    /// Sets a limit, or takes it away.
    pub fn set(&mut self, name: &str, value: Option<&Term>) -> Result<(), LimitError> {
        let limit = match name {
            "max-connections" => &mut self.max_connections,
            "max-channels" => &mut self.max_channels,
            _ => return unknown(name, value, "user-limits"),
        };
        *limit = value.map(|value| number(name, value)).transpose()?;
        Ok(())
    }

    /// The limits that are set, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Limit)> {
        let all = [("max-channels", self.max_channels), ("max-connections", self.max_connections)];
        all.into_iter().filter_map(|(name, limit)| Some((name, limit?)))
    }
}

fn unknown(name: &str, value: Option<&Term>, list: &'static str) -> Result<(), LimitError> {
    let value = value.cloned().unwrap_or(Term::Null);
    Err(LimitError::Unknown { name: name.to_owned(), value, list })
}

fn number(name: &str, value: &Term) -> Result<Limit, LimitError> {
    let no_number = || LimitError::NoNumber { name: name.to_owned(), value: value.clone() };
    value.as_integer().map(Limit).ok_or_else(no_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_reached_by_as_many_as_it_says_and_never_if_it_is_negative() {
        assert_eq!(Limit::reached(None, 5), None);
        assert_eq!(Limit::reached(Some(Limit(-1)), 5), None);
        assert_eq!(Limit::reached(Some(Limit(6)), 5), None);
        assert_eq!(Limit::reached(Some(Limit(5)), 5), Some(5));
        assert_eq!(Limit::reached(Some(Limit(0)), 0), Some(0));
    }

    #[test]
    fn what_is_no_limit_is_refused_in_rabbitmqs_words() {
        let refusal = |name: &str, value: Term| {
            let vhost = VhostLimits::default().set(name, Some(&value)).unwrap_err().to_string();
            (vhost, UserLimits::default().set(name, Some(&value)).unwrap_err().to_string())
        };
        let (vhost, user) = refusal("bogus", 1.into());
        assert_eq!(vhost, "Unrecognised terms [{<<\"bogus\">>,1}] in limits");
        assert_eq!(user, "Unrecognised terms [{<<\"bogus\">>,1}] in user-limits");
        let (vhost, user) = refusal("max-connections", "x".into());
        assert_eq!(vhost, "max-connections should be a number, actually was <<\"x\">>");
        assert_eq!(user, vhost);
    }

    #[test]
    fn limits_are_told_as_they_were_set() {
        let mut limits = VhostLimits::default();
        limits.set("max-queues", Some(&Term::from(-1))).unwrap();
        limits.set("max-connections", Some(&Term::from(3))).unwrap();
        assert!(limits.iter().eq([("max-connections", Limit(3)), ("max-queues", Limit(-1))]));
        limits.set("max-connections", None).unwrap();
        assert!(limits.iter().eq([("max-queues", Limit(-1))]));
    }
}
