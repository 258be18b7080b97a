//! Where a message goes: exchanges, bindings and the matching between them (§3.1.3, §3.1.5).
//!
//! [`RoutingTable`] is a value. Its clone shares everything with the original, and a change copies
//! only the path to what changed, so a broker keeps the current table in an atomically swapped
//! pointer: publishers route against the snapshot they hold without a lock, and a writer clones,
//! changes and publishes the next one. (Of what clones share, one thing does change: how often the random
//! exchanges have drawn.) The table is generic over the queue handle `Q`, of which it knows the name.
//!
//! | part of the specification | module |
//! |---|---|
//! | exchanges, §3.1.3 | `exchange`, `exchange_name`, `matcher` |
//! | bindings and what identifies one, §3.1.5 | `binding`, `arguments` |
//! | direct, §3.1.3.1 | `direct` |
//! | fanout, §3.1.3.2 | `targets` |
//! | topic, §3.1.3.3 | `topic` |
//! | headers, §3.1.3.4 | `headers` |
//! | exchanges that choose one binding (RabbitMQ) | `spread` |
//! | x-consistent-hash (RabbitMQ) | `consistent_hash`, `stable_hash` |
//! | x-modulus-hash, x-random, x-local-random (RabbitMQ) | `lot`, `stable_hash` |
//! | x-recent-history, x-delayed-message (RabbitMQ): as other types, here | `rule` |
//! | exchange-to-exchange bindings, alternate exchanges (RabbitMQ) | `graph` |
//! | everything of one virtual host | `table` |

#![forbid(unsafe_code)]

mod arguments;
mod binding;
mod consistent_hash;
mod direct;
mod distinct;
mod exchange;
mod exchange_name;
mod graph;
mod handle;
mod headers;
mod lot;
mod matcher;
mod ordered;
mod persistent;
mod rule;
mod spread;
mod stable_hash;
mod table;
mod targets;
mod term;
mod topic;

pub use binding::BindError;
pub use binding::Binding;
pub use binding::Destination;
pub use binding::Removed;
pub use exchange::ExchangeKind;
pub use exchange::ExchangeView;
pub use exchange_name::ExchangeName;
pub use graph::Matched;
pub use graph::NoSuchExchange;
pub use handle::QueueHandle;
pub use matcher::Routed;
pub use rule::ExchangeRule;
pub use rule::HashOn;
pub use rule::RuleError;
pub use table::RoutingTable;
