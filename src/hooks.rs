//! What a broker asks of the program that it runs in.
//!
//! The log belongs to the program: a broker that is embedded in another one cannot change it, the `leveret`
//! command can.

/// What the program does for its broker. Given by [`crate::Builder::hooks`].
pub trait Hooks: Send + Sync {
    /// Changes how much is logged from now on: a level (`debug`), that of a category (`queue=debug`), or several
    /// with commas between them. The error is a sentence for who asked.
    fn set_log_level(&self, level: &str) -> Result<(), String>;
}
