//! Who may call what: a user's tags, and the virtual hosts it may enter.
//!
//! The words of the refusals are RabbitMQ's, which differ by where they are said.

use super::answer::Problem;
use super::caller::{Caller, Role};
use super::route::Verb;

/// Who may call an endpoint. Those with `Vhost` in their names are for paths with a `:vhost`: one that the caller does
/// not see is not there (404).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a word.
    Anyone,
    /// Whoever may use the API at all.
    Management,
    /// The same, of a virtual host that it may enter; administrators see all.
    Vhost,
    /// The same, but monitoring sees all, too.
    VhostForMonitoring,
    /// Who watches the broker.
    Monitoring,
    /// The same, where RabbitMQ says it otherwise.
    MonitoringObject,
    /// Who makes policies.
    Policymaker,
    /// The same, of a virtual host that it may enter; administrators see all.
    VhostPolicymaker,
    /// Who may do everything.
    Administrator,
    /// A process of the broker's own user, over the local socket; for others it is not there.
    Local,
}

impl Access {
    /// Refuses a caller who may not, whatever the virtual host.
    pub fn check(self, caller: &Caller) -> Result<(), Problem> {
        let (needed, otherwise) = match self {
            Self::Anyone => return Ok(()),
            Self::Local if matches!(caller, Caller::Local) => return Ok(()),
            Self::Local => return Err(Problem::not_found()),
            Self::Management | Self::Vhost | Self::VhostForMonitoring => (Role::Management, MANAGEMENT),
            Self::Monitoring => (Role::Monitoring, "Not monitor user"),
            Self::MonitoringObject => (Role::Monitoring, OBJECT),
            Self::Policymaker | Self::VhostPolicymaker => (Role::Policymaker, OBJECT),
            Self::Administrator => (Role::Administrator, "Not administrator user"),
        };
        if !caller.is(Role::Management) {
            return Err(Problem::not_authorised(MANAGEMENT));
        }
        if caller.is(needed) { Ok(()) } else { Err(Problem::not_authorised(otherwise)) }
    }

    /// Refuses a virtual host that is not there for the caller.
    pub fn check_vhost(self, caller: &Caller, verb: Verb, vhost: Sight<'_>) -> Result<(), Problem> {
        let sees_all = match self {
            Self::Vhost | Self::VhostPolicymaker => caller.is(Role::Administrator),
            Self::VhostForMonitoring => caller.is(Role::Monitoring),
            _ => return Ok(()),
        };
        match vhost {
            Sight::Missing if matches!(verb, Verb::Put | Verb::Post) => {
                Err(Problem::nothing_there("vhost_not_found"))
            }
            Sight::There(name) if sees_all || caller.may_enter(name) => Ok(()),
            Sight::Missing | Sight::There(_) => Err(Problem::not_found()),
        }
    }
}

/// Whether the virtual host of a path is there.
#[derive(Clone, Copy, Debug)]
pub enum Sight<'a> {
    There(&'a str),
    Missing,
}

const MANAGEMENT: &str = "Not management user";

const OBJECT: &str = "User not authorised to access object";
