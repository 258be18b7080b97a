//! How long messages take, measured in one process by one clock.
//!
//! A message carries the instant at which it was due, in the first eight bytes of its body. Who was late to publish it,
//! generator or broker, has made the message late: nothing is omitted because it was waited for.
//!
//! Invariant: a histogram belongs to one thread, and they are merged when the threads have ended; so no
//! message waits for a lock.

mod clock;
mod histogram;
mod window;

pub use clock::{Clock, Nanos};
pub use histogram::{Recorder, Summary};
pub use window::Window;
