//! Transcripts: a conversation between clients and one broker, as text. [`check`] plays it and compares.
//!
//! ```text
//! a.1 > queue.declare q durable              a client says something on a channel; it is connected, and the
//! a.1 < queue.declare-ok q messages=0 consumers=0         channel opened, when it first speaks
//! a.1 > publish '' q hello persistent        exchange, routing key, body, then bits and properties
//! b.1 > consume q c                          queue, consumer tag, then bits and arguments
//! b.1 < consume-ok c                         what it hears, in this order; nothing may be missing
//! b.1 < deliver c #1 '' q hello persistent
//! a.1 > publish '' q x ; publish '' q y      in one read (else each line is played torn to single bytes too)
//! a.1 >> channel.open                        said as it is: nothing is done before
//! b.1 < channel.close 406 60.80 PRECON…      code, class.method, text; `…` is any rest
//! +500ms                                     time passes, and what is due happens
//! ```
//! Also `settings channel-max=2`, `events on` (first of all), `vhost v`, `user bob secret [tags]`, `grant bob v CONFIGURE WRITE READ`, `a connects
//! user=bob password=secret vhost=v heartbeat=10 without=CAPABILITY from=afar`, `a is accepted [from afar] [over tls [as USER]]`, `a is lost`, `a stalls`,
//! `a resumes`, `a is shut down 'REASON'`, `alarm memory on`, `log holds|syncs|commits|fails|shown`, `definitions shown`,
//! `settings budget=BYTES` (of a queue), `pages hold|come|shown`, `page comes`, `last page comes`, `page is lost`,
//! `log has 0 messages in 0 pages`; policies and what they come to are in `operator`. Names that the broker makes up are `amq.gen-1` and so on. What words there are is in `speak`; values of tables in `fields`.

mod aliases;
mod diff;
mod fields;
pub mod hear;
mod operator;
mod script;
pub mod speak;
pub mod stage;
pub mod store;
pub mod words;

use std::sync::Arc;

use leveret_core::NoStore;
use leveret_core::model::{Broker, BrokerSettings, PasswordHash, Permissions, User};
use script::{Played, play};
use stage::Reads;

/// Plays a transcript, and fails with a comparison unless everything is heard that it says, and nothing else.
#[track_caller]
pub fn check(script: &str) {
    compare(script, Reads::Whole);
    // Lines with several commands say that these come in one read.
    if !script.contains(" ; ") {
        compare(script, Reads::Torn);
    }
}

#[track_caller]
fn compare(script: &str, reads: Reads) {
    let Played { expected, actual } = play(script, reads);
    let is_met = expected.len() == actual.len()
        && expected.iter().zip(&actual).all(|(expected, actual)| diff::is_met(expected, actual));
    assert!(
        is_met,
        "not as written (reads: {reads:?}; - missing, + unexpected)\n{}",
        diff::diff(&expected, &actual)
    );
}

/// A broker with guest and the virtual host `/`, which keeps nothing.
#[allow(dead_code, reason = "not every test needs one outside a transcript")]
pub fn guest_broker() -> Arc<Broker> {
    let broker = Broker::new(BrokerSettings::default(), [7; 32], Arc::new(NoStore));
    broker.add_vhost("/");
    broker.put_user(User::new("guest", PasswordHash::of("guest", [1, 2, 3, 4]), vec![]));
    broker.set_permissions("guest", "/", Permissions::new(".*", ".*", ".*"));
    broker
}
