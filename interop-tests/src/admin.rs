//! `rabbitmqadmin` against leveret and RabbitMQ: the same words, in the same order, must be answered the same.
//!
//! What RabbitMQ answered is recorded, made neutral by [`Neutral`] where two runs of one broker differ, too. An
//! answer of leveret's that differs is in `admin/differences.tsv` with its reason, or the comparison fails; and
//! one that is listed there and does not differ fails it as well.

mod commands;
mod neutral;
mod session;
mod tools;
mod transcript;

pub use commands::{Part, Step, steps};
pub use neutral::Neutral;
pub use session::{Place, Session};
pub use tools::{leveret, script, successor};
pub use transcript::{Differences, Transcript};
