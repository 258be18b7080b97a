//! A table of queues that are their own names, and short ways to fill and ask it.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "it is part of the tests")]

use leveret_codec::field::{Table, TableBuilder, Value};
use leveret_codec::{Properties, PropertiesBuilder};
use leveret_routing::{
    BindError, Destination, ExchangeKind, ExchangeName, Matched, NoSuchExchange, QueueHandle, Removed,
    Routed, RoutingTable,
};

pub struct Topology(pub RoutingTable<String>);

impl Topology {
    pub fn with(exchanges: &[(&str, ExchangeKind)]) -> Self {
        let mut topology = Self(RoutingTable::new());
        for (name, kind) in exchanges {
            topology.0.declare_exchange((*name).into(), *kind, None, false);
        }
        topology
    }

    pub fn alternate(&mut self, exchange: &str, kind: ExchangeKind, alternate: &str) {
        self.0.declare_exchange(exchange.into(), kind, Some(alternate.into()), false);
    }

    pub fn try_bind(&mut self, source: &str, to: &str, key: &str, args: Table) -> Result<bool, BindError> {
        self.0.bind(&source.into(), destination(to), key.as_bytes(), args)
    }

    pub fn bind(&mut self, source: &str, to: &str, key: &str) {
        assert_eq!(self.try_bind(source, to, key, Table::default()), Ok(true));
    }

    pub fn bind_with(&mut self, source: &str, to: &str, args: &[(&str, Value<'_>)]) {
        assert_eq!(self.try_bind(source, to, "", table(args)), Ok(true));
    }

    pub fn unbind(&mut self, source: &str, to: &str, key: &str, args: Table) -> Option<Removed<String>> {
        self.0.unbind(&source.into(), destination(to), key.as_bytes(), args)
    }

    pub fn try_route(
        &self,
        exchange: &str,
        keys: &[&str],
        headers: Option<&Table>,
    ) -> Result<Vec<String>, NoSuchExchange> {
        let properties = headers.map(|headers| PropertiesBuilder::new().headers(headers.as_ref()));
        self.try_route_properties(exchange, keys, properties)
    }

    pub fn try_route_properties(
        &self,
        exchange: &str,
        keys: &[&str],
        properties: Option<PropertiesBuilder<'_>>,
    ) -> Result<Vec<String>, NoSuchExchange> {
        let mut matched = Matched::new();
        let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
        let properties = properties.map(|properties| properties.build());
        let properties = properties.as_deref().map_or(Properties::EMPTY, Properties::from_checked);
        self.0.route(exchange.as_bytes(), Routed { keys: &keys, properties }, &mut matched)?;
        let mut queues: Vec<_> = matched.iter().cloned().collect();
        queues.sort_unstable();
        Ok(queues)
    }

    /// The queues that a message with this key reaches, sorted.
    pub fn route(&self, exchange: &str, key: &str) -> Vec<String> {
        self.try_route(exchange, &[key], None).unwrap()
    }

    pub fn route_headers(&self, exchange: &str, headers: &[(&str, Value<'_>)]) -> Vec<String> {
        self.try_route(exchange, &[""], Some(&table(headers))).unwrap()
    }
}

/// `x:name` is an exchange, anything else a queue.
pub fn destination(name: &str) -> Destination<String> {
    match name.strip_prefix("x:") {
        Some(exchange) => Destination::Exchange(exchange.into()),
        None => Destination::Queue(name.to_owned()),
    }
}

pub fn table(entries: &[(&str, Value<'_>)]) -> Table {
    let mut table = TableBuilder::new();
    for (key, value) in entries {
        table.insert(key, *value);
    }
    table.build()
}

pub fn names(exchanges: &[ExchangeName]) -> Vec<&str> {
    let mut names: Vec<_> = exchanges.iter().map(ExchangeName::as_str).collect();
    names.sort_unstable();
    names
}

/// A message of which only the keys are known.
pub fn keyed<'m>(keys: &'m [&'m [u8]]) -> Routed<'m> {
    Routed { keys, properties: Properties::EMPTY }
}

/// A queue that is a number, and is named by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Numbered([u8; 4]);

impl QueueHandle for Numbered {
    fn name(&self) -> &[u8] {
        &self.0
    }
}

pub fn numbered(n: u32) -> Numbered {
    Numbered(n.to_be_bytes())
}
