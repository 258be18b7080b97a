//! What a program written with lapin relies on, chapter by chapter.
//!
//! Every expectation here is one that `RabbitMQ` 4.3 meets: `INTEROP_URL` names the broker to run against.
//! Nothing sleeps. What is to happen is awaited with a deadline; that something does *not* happen is
//! shown by a round trip to the queue, behind which it would have arrived (see [`client::ready`]).

mod broker;
mod client;

mod acknowledgement;
mod confirm;
mod connection;
mod consumer;
mod content;
mod dead_letter;
mod exchange;
mod queue;
mod recovery;
mod refusal;
mod reply_to;
mod routing;
mod transaction;
mod tutorials;
