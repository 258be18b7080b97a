//! definitions
#![allow(missing_docs, reason="wip")]
mod document;
pub use document::*;
