//! Why the log does not take something, or give it back: sentences for an operator.

use std::io;
use std::sync::Arc;

/// Why the log did not take something.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogFailed {
    /// The disk failed. Nothing that is not committed yet ever will be; the log must be opened again.
    #[error("the log takes nothing more: {0}")]
    Disk(Arc<str>),
    /// It was closed.
    #[error("the log is closed")]
    Closed,
    /// A record of the batch would be longer than 1 GiB, or a message went to no queue or to more than 65535. The
    /// batch was left as it is, the log takes others.
    #[error("a record is too long for the log")]
    TooLong,
}

/// Why a message can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// What is there is not what was written.
    #[error("{file} is spoilt at byte {offset}: {what}")]
    Corrupt {
        /// The segment's file.
        file: String,
        /// Where in it.
        offset: u32,
        /// What is wrong.
        what: String,
    },
    /// The disk failed.
    #[error("reading {file} at byte {offset} failed: {source}")]
    Io {
        /// The segment's file.
        file: String,
        /// Where in it.
        offset: u32,
        /// Why.
        source: io::Error,
    },
    /// It was settled, and its segment has gone.
    #[error("the message is not in the log any more")]
    Gone,
}

/// Why the log can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk failed.
    #[error("{what} failed: {source}")]
    Io {
        /// What was tried, on which file.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// Something that had been written is spoilt.
    #[error(
        "{file} is spoilt at byte {offset}: {what}. Nothing was changed. To go on without what is spoilt, run \
         `leveret serve --accept-loss` once: it keeps a copy of the file and everything that can still be read"
    )]
    Corrupt {
        /// The segment's file.
        file: String,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// A later version wrote it.
    #[error("{file} was written in format {found}, and this version of leveret reads up to {newest}")]
    Newer {
        /// The segment's file.
        file: String,
        /// Its format.
        found: u32,
        /// What this build knows.
        newest: u32,
    },
    /// The log could not be written to.
    #[error(transparent)]
    Failed(#[from] LogFailed),
}
