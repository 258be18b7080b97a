//! One request, as a handler sees it: authenticated, allowed, its body read.

use std::sync::Arc;

use bytes::Bytes;
use hyper::HeaderMap;
use leveret_core::model::{Broker, Vhost};
use leveret_core::{Effects, Timestamp};
use serde_json::Map;

use super::answer::Problem;
use super::api::Api;
use super::body::{Fields, object};
use super::caller::Caller;
use super::dispatch::Origin;
use super::query::Query;
use super::reading::Taken;

/// A request.
pub struct Request {
    /// The broker and what goes with it.
    pub api: Arc<Api>,
    /// Where it comes from.
    pub origin: Origin,
    /// Who asks; it may do so.
    pub caller: Caller,
    /// What stands for the parameters of the path.
    pub values: Vec<(&'static str, String)>,
    /// What follows the question mark.
    pub query: Query,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
    /// What the body takes of the room for all of them.
    #[expect(dead_code, reason = "it counts as long as it lives")]
    pub taken: Taken,
}

impl Request {
    /// What stands for a parameter of the path; nothing for one that the path does not have.
    pub fn value(&self, name: &str) -> &str {
        self.values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// The rules.
    pub fn core(&self) -> &Broker {
        &self.api.shared.core
    }

    /// The virtual host that the path names.
    pub fn vhost(&self) -> Result<Arc<Vhost>, Problem> {
        self.core().vhost(self.value("vhost")).ok_or_else(Problem::not_found)
    }

    /// Refuses the name of any node but this one.
    pub fn check_node(&self) -> Result<(), Problem> {
        if self.value("node") == self.api.node() { Ok(()) } else { Err(Problem::not_found()) }
    }

    /// The body as a JSON object; nothing is an empty one.
    pub fn fields(&self) -> Result<Fields, Problem> {
        object(&self.body).map(Fields::new)
    }

    /// Changes something and carries out what follows from it.
    pub fn change<R>(&self, change: impl FnOnce(Timestamp, &mut Effects) -> R) -> R {
        let mut effects = Effects::default();
        let result = change(self.api.shared.clock.now(), &mut effects);
        self.api.shared.carry_out(&mut effects);
        result
    }
}

/// A JSON object.
pub type Object = Map<String, serde_json::Value>;
