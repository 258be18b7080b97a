//! From an exchange to queues: exchange-to-exchange bindings and alternate exchanges.
//!
//! Both are RabbitMQ's extensions, and so are the rules: each exchange is visited once, which also
//! ends cycles; an exchange of which no binding matched hands the message to its alternate; a matched
//! binding that leads nowhere counts as matched; an exchange that is not there swallows the message.

use std::fmt;

use crate::binding::Destination;
use crate::distinct::Distinct;
use crate::exchange::Exchange;
use crate::exchange_name::ExchangeName;
use crate::handle::QueueHandle;
use crate::matcher::Routed;
use crate::table::RoutingTable;

/// The queues that one message reached, each once, in the order in which they were first reached.
/// Reuse it: routing replaces what was in it and keeps its memory, unless that is much.
#[derive(Clone)]
pub struct Matched<Q> {
    queues: Distinct<Q>,
    depends_on_more_than_keys: bool,
    recent: Vec<ExchangeName>,
}

impl<Q> Matched<Q> {
    /// Nothing reached yet.
    pub fn new() -> Self {
        Self { queues: Distinct::default(), depends_on_more_than_keys: false, recent: Vec::new() }
    }

    /// The queues.
    pub fn as_slice(&self) -> &[Q] {
        self.queues.as_slice()
    }

    /// The queues.
    pub fn iter(&self) -> std::slice::Iter<'_, Q> {
        self.as_slice().iter()
    }

    /// How many queues.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether the message is unroutable.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// Whether another message with the same keys may go elsewhere: an exchange was asked that looks at more of a
    /// message, or at chance.
    pub fn depends_on_more_than_keys(&self) -> bool {
        self.depends_on_more_than_keys
    }

    /// The exchanges it came to that keep a history, whatever matched there: it belongs into theirs.
    pub fn recent(&self) -> &[ExchangeName] {
        &self.recent
    }

    /// Lets go of the queues.
    pub fn clear(&mut self) {
        self.queues.clear();
        if !self.recent.is_empty() {
            self.recent.clear();
        }
        self.depends_on_more_than_keys = false;
    }
}

impl<Q> Default for Matched<Q> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, Q> IntoIterator for &'a Matched<Q> {
    type Item = &'a Q;
    type IntoIter = std::slice::Iter<'a, Q>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<Q: fmt::Debug> fmt::Debug for Matched<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The message was published to an exchange that is not declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such exchange")]
pub struct NoSuchExchange;

/// Follows one message from exchange to exchange.
pub fn route<Q: QueueHandle>(
    table: &RoutingTable<Q>,
    exchange: &[u8],
    message: Routed<'_>,
    matched: &mut Matched<Q>,
) -> Result<(), NoSuchExchange> {
    matched.clear();
    if exchange.is_empty() {
        to_queues_named(table, message, matched);
        return Ok(());
    }
    let origin = table.get(exchange).ok_or(NoSuchExchange)?;
    // Empty, and costs nothing, unless there is another exchange to visit.
    let mut others = Distinct::default();
    visit(table, origin, message, matched, &mut others);
    let mut visited = 0;
    while let Some(name) = others.as_slice().get(visited).copied() {
        visited += 1;
        if name.is_default() {
            to_queues_named(table, message, matched);
        } else if name != &origin.name
            && let Some(exchange) = table.get(name.as_bytes())
        {
            visit(table, exchange, message, matched, &mut others);
        }
    }
    Ok(())
}

/// The default exchange: every queue is bound to it by its name (§3.1.3.1).
fn to_queues_named<Q: QueueHandle>(table: &RoutingTable<Q>, message: Routed<'_>, matched: &mut Matched<Q>) {
    for queue in message.keys.iter().filter_map(|key| table.queue(key)) {
        matched.queues.insert(table.seed(), queue);
    }
}

fn visit<'t, Q: QueueHandle>(
    table: &'t RoutingTable<Q>,
    exchange: &'t Exchange<Q>,
    message: Routed<'_>,
    matched: &mut Matched<Q>,
    others: &mut Distinct<&'t ExchangeName>,
) {
    let bindings = exchange.matcher();
    if let Some(remarks) = exchange.remarks {
        matched.depends_on_more_than_keys |= remarks.looks_beyond_keys;
        if remarks.keeps_history {
            matched.recent.push(exchange.name.clone());
        }
    }
    let all_new = matched.is_empty() && bindings.names_each_once(message);
    let mut any = false;
    bindings.for_each_match(table.seed(), message, &mut |destination| {
        any = true;
        match destination {
            Destination::Queue(queue) if all_new => matched.queues.push_new(queue.clone()),
            Destination::Queue(queue) => matched.queues.insert(table.seed(), queue),
            Destination::Exchange(name) => others.insert(table.seed(), &name),
        }
    });
    if !any && let Some(alternate) = &exchange.alternate {
        others.insert(table.seed(), &alternate);
    }
}
