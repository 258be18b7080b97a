//! The log of leveret: what is confirmed is in it, and survives.
//!
//! One segmented, append-only log for the whole broker is the truth; whatever else is on the disk may be lost and is
//! made again from it. Messages, settlements and definitions are [appended](Log::append) by any thread, without
//! waiting; one thread [commits](Log::commit) what has come together meanwhile, with one write and one sync.
//!
//! Nothing in here knows AMQP, and nothing runs by itself: everything can be driven from one thread, and on a
//! [`Disk`] that is none. [`Threads`] drive it in a broker. The format on disk is in [`record`].

#![forbid(unsafe_code)]

mod activity;
mod batch;
mod catalog;
mod commit;
mod definitions;
mod disk;
mod engine;
mod error;
mod index;
mod inner;
pub mod inspect;
mod log;
mod pages;
mod pending;
mod place;
mod read;
mod reclaim;
pub mod record;
mod recovery;
mod segment;
mod threads;
mod varint;
mod view;

pub use activity::{Activity, BATCH_BYTES, SYNC_MICROS, Spread};
pub use batch::{Batch, NewMessage};
#[cfg(any(test, feature = "testing"))]
pub use disk::{CrashDisk, Fate, Operation};
pub use disk::{DataDir, DataDirError, Disk, FileDisk};
pub use error::{LogFailed, OpenError, ReadError};
pub use log::{Log, Options, Stats, Waiter};
pub use pages::PageId;
pub use place::{MessageId, Place, Position};
pub use read::StoredMessage;
pub use recovery::{Definition, Recovery, Restored};
pub use threads::Threads;
pub use view::{Change, MemoryView, NoView, SledView, View, ViewError};
