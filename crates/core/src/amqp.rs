//! AMQP 0-9-1 as RabbitMQ speaks it: connections, channels, and what their methods do to the model.
//!
//! [`Connection`] is one machine per socket, owned by one task. Bytes and moments go in; frames for the
//! socket and effects for everybody else come out.
//!
//! | part of the specification | module |
//! |---|---|
//! | handshake, 2.2.4 and class connection | `handshake`, `sasl` |
//! | states of a connection | `connection`, `open`, `ending` |
//! | frames of one read, and those that wait | `chunk`, `held_back` |
//! | heartbeats, 4.2.7 | `heartbeat` |
//! | class channel, and frames to channels | `channels`, `channel` |
//! | class exchange | `exchange` |
//! | class queue | `queue` |
//! | class basic: consume, cancel, get, qos, deliver | `consume`, `consumers`, `deliver` |
//! | class basic: publish, content, 4.2.6 | `chunk`, `assembly`, `publish`, `route`, `batch` |
//! | class basic: ack, nack, reject, recover | `acknowledge`, `unacked` |
//! | class confirm (RabbitMQ) | `confirm`, `appends` |
//! | class tx | `tx` |
//! | events of connections, channels, consumers (RabbitMQ) | `event` |
//! | a client without a socket | `direct` |
//! | copies of messages (RabbitMQ's firehose) | `trace` |

mod acknowledge;
mod alike;
mod assembly;
mod batch;
mod channel;
mod channels;
mod chunk;
mod confirm;
mod connection;
mod consume;
mod consumers;
mod deliver;
mod direct;
mod ending;
mod event;
mod exchange;
mod handshake;
mod heartbeat;
mod held_back;
mod late;
mod open;
mod publish;
mod queue;
mod report;
mod route;
mod sasl;
mod session;
mod template;
mod throttle;
mod trace;
mod tx;
mod unacked;

pub use connection::Connection;
pub use connection::Identity;
pub use direct::{Answer, As, Blocked, Closed, Direct};
pub use handshake::RABBITMQ_VERSION;
pub use session::{External, Peer};
