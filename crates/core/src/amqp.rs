//! AMQP 0-9-1 as RabbitMQ speaks it: connections, channels, and what their methods do to the model.
//!
//! [`Connection`] is one machine per socket, owned by one task. Bytes and moments go in; frames for the
//! socket and effects for everybody else come out.
//!
//! | part of the specification | module |
//! |---|---|
//! | handshake, 2.2.4 and class connection | `handshake`, `sasl` |
//! | states of a connection | `connection` |
//! | frames to channels, and what is left by queues | `open` |
//! | heartbeats, 4.2.7 | `heartbeat` |
//! | class channel | `channel` |
//! | class exchange | `exchange` |
//! | class queue | `queue` |
//! | class basic: consume, cancel, get, qos | `consume` |
//! | class basic: publish, content, 4.2.6 | `publish`, `route`, `assembly` |
//! | class basic: ack, nack, reject, recover | `acknowledge`, `unacked` |
//! | class confirm (RabbitMQ) | `confirm` |
//! | class tx | `tx` |

mod acknowledge;
mod assembly;
mod batch;
mod channel;
mod confirm;
mod connection;
mod consume;
mod consumers;
mod deliver;
mod exchange;
mod handshake;
mod heartbeat;
mod open;
mod publish;
mod queue;
mod route;
mod sasl;
mod session;
mod tx;
mod unacked;

pub use connection::Connection;
pub use connection::Identity;
pub use session::Peer;
