//! The real process over real sockets, and its data directory: what it has confirmed is there again, however
//! it ended.
//!
//! What needs a scripted disk or a scripted crash is proven beside the log; here stands what needs a process: a
//! kill, a signal, two processes, files that somebody has changed, and the order of its system calls.
#![cfg(test)]
#![forbid(unsafe_code)]

#[path = "../support/served.rs"]
mod served;
#[path = "../support/mod.rs"]
mod support;

mod account;
mod damaged;
mod definitions;
mod delayed;
mod dice;
mod directory;
mod ended;
mod full;
mod killed;
mod ledger;
mod load;
mod mortality;
mod numbered;
mod operated;
mod promises;
mod say;
mod syscalls;
mod trace;
