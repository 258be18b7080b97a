//! Certificates are renewed while a broker runs: their files are looked at again and again.
//!
//! Invariant: what was seen is noted before it is read, so a change during the reading is another change; and a
//! file that can't be used is complained about once.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Tls, TlsSettings};
use crate::clock::Clock;

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What tells a file from its earlier self. The number of its inode too: a link that leads elsewhere may lead
/// to something older.
type Stamp = Option<(SystemTime, u64, u64)>;

/// The files of TLS as they were seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen(Vec<Stamp>);

impl Seen {
    /// As they are.
    pub fn now(settings: &TlsSettings) -> Self {
        let files = [&settings.certfile, &settings.keyfile, &settings.cacertfile];
        Self(files.into_iter().flatten().map(|path| stamp(path)).collect())
    }
}

fn stamp(path: &Path) -> Stamp {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

/// Reloads when a file has changed, until the broker is gone.
pub async fn watch(tls: Arc<Tls>, clock: Clock) {
    loop {
        clock.sleep_until(clock.now() + LOOK_EVERY).await;
        let tls = tls.clone();
        // File systems may be slow, and connections must not wait for them. What came of it is in the log.
        let _ = tokio::task::spawn_blocking(move || tls.reload_changed()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_replaced_or_removed_looks_different() {
        let directory = tempfile::tempdir().unwrap();
        let (certfile, other) = (directory.path().join("cert.pem"), directory.path().join("other.pem"));
        let settings = TlsSettings::new(&certfile, directory.path().join("key.pem"));
        let mut all = vec![Seen::now(&settings)];
        let mut expect_change = || {
            let now = Seen::now(&settings);
            assert!(!all.contains(&now), "{all:?}");
            assert_eq!(Seen::now(&settings), now);
            all.push(now);
        };
        std::fs::write(&certfile, "one").unwrap();
        expect_change();
        std::fs::write(&certfile, "one and more").unwrap();
        expect_change();
        std::fs::write(&other, "another one.").unwrap();
        std::fs::rename(&other, &certfile).unwrap();
        expect_change();
    }
}
