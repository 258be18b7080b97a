//! What must hold whatever clients do to the rules, without a socket: for the fuzzer and for ordinary tests.
//!
//! An input is a [`program`] of requests by three clients on two channels each, against queues of several kinds. The
//! [`books`] know only what clients know; after every step they are compared with what the broker says of itself:
//!
//! - every message of a queue is ready, unacknowledged, settled, expired or dropped, and only one of these;
//! - nothing is delivered that is held or settled, nothing again without saying so, nothing that has expired;
//! - a consumer gets messages in order, never more than its prefetch allows, and none after its cancel-ok;
//! - delivery tags count by one; every publish is confirmed once, and all are in the end;
//! - what is ready is delivered as long as there is a consumer that could take it;
//! - what the queues count as unacknowledged is what the channels hold;
//! - when everything was settled, nothing is left in the log.
//!
//! To cover another rule: a kind of queue in [`kinds`], a step in [`program`], and what it does in [`books`].

mod account;
mod books;
mod inquiry;
mod kinds;
mod program;
mod world;

use program::Program;
use world::World;

/// Lives a program, and fails where it breaks one of the rules above.
pub fn core_methods(bytes: &[u8]) {
    let mut program = Program::new(bytes);
    let mut world = World::new(program.budget_bytes());
    while let Some((client, channel, step)) = program.next_step() {
        world.play(client, channel, &step);
    }
    world.close();
}
