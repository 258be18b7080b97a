//! The HTTP API of a broker in this process, asked over a socket.
//!
//! What is expected here was answered by a RabbitMQ 4.3.6 to the same requests, where nothing else is said.
#![cfg(test)]

mod alarm;
mod ask;
mod bindings;
mod connections;
mod deep;
mod definitions;
mod durable;
mod exchanges;
mod exposition;
mod grants;
mod health;
mod identity;
mod limits;
mod local_socket;
mod matrix;
mod messages;
mod metrics;
mod overview;
mod parameters;
mod policies;
mod queues;
mod redrive;
mod reference;
mod secure;
#[path = "../support/mod.rs"]
mod support;
mod transport;
mod users;
mod vhosts;
