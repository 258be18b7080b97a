//! The HTTP API of a broker in this process, asked over a socket.
//!
//! What is expected here was answered by a RabbitMQ 4.3.6 to the same requests, where nothing else is said.
#![cfg(test)]

mod ask;
mod bindings;
mod connections;
mod deep;
mod exchanges;
mod messages;
mod queues;
mod redrive;
#[path = "../support/mod.rs"]
mod support;
mod transport;
mod users;
