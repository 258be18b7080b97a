//! What is committed is never lost: the log on a disk that crashes, fails and rots.
#![cfg(test)]
#![forbid(unsafe_code)]

mod faults;
mod house;
mod power;
mod rot;
mod world;
