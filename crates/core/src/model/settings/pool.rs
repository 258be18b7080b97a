//! Settings that many queues have: one copy for all of them.
//!
//! Most queues of a virtual host are declared alike, and two copies each were a fifth of what an idle one cost.
//!
//! Invariant: of equal settings there is one copy, and never many more copies than are in use.

use std::collections::HashSet;
use std::sync::Arc;

use crate::model::settings::QueueSettings;

/// Settings that nobody has any more are not worth looking for below this.
const FEW: usize = 64;

/// The settings of the queues of one virtual host.
#[derive(Debug, Default)]
pub struct SettingsPool {
    known: HashSet<Arc<QueueSettings>>,
    /// How many were left when those that nobody has were last forgotten.
    left: usize,
}

impl SettingsPool {
    /// The copy that all who have these settings share.
    pub fn share(&mut self, settings: QueueSettings) -> Arc<QueueSettings> {
        if let Some(known) = self.known.get(&settings) {
            return known.clone();
        }
        self.forget_unused();
        let settings = Arc::new(settings);
        self.known.insert(settings.clone());
        settings
    }

    fn forget_unused(&mut self) {
        if 2 * self.left + FEW <= self.known.len() {
            self.known.retain(|settings| 1 < Arc::strong_count(settings));
            self.left = self.known.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_length(length: u64) -> QueueSettings {
        QueueSettings { max_length: Some(length), ..QueueSettings::default() }
    }

    #[test]
    fn equal_settings_are_one_copy() {
        let mut pool = SettingsPool::default();
        let one = pool.share(of_length(1));
        assert!(Arc::ptr_eq(&one, &pool.share(of_length(1))));
        assert!(!Arc::ptr_eq(&one, &pool.share(of_length(2))));
    }

    #[test]
    fn settings_that_nobody_has_are_forgotten_and_others_are_not() {
        let mut pool = SettingsPool::default();
        let kept: Vec<_> = (0..100).map(|length| pool.share(of_length(length))).collect();
        for length in 100..10_000 {
            pool.share(of_length(length));
        }
        assert!(pool.known.len() < 3 * kept.len() + FEW, "{} are known", pool.known.len());
        assert!(kept.iter().all(|one| Arc::ptr_eq(one, &pool.share(QueueSettings::clone(one)))));
    }
}
