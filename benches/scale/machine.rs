//! What the machine can do without a broker: append, sync, and read the same files.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::server::DataDir;
use crate::{BODY_BYTES, Outcome};

/// How long it takes to write a message to a file that has its room already, and to sync it: the median.
pub fn sync_latency(count: usize) -> Outcome<Duration> {
    let directory = DataDir::new()?;
    let path = directory.path().join("synced");
    File::create(&path)?.write_all(&vec![0; BODY_BYTES * count])?;
    let file = OpenOptions::new().write(true).open(&path)?;
    file.sync_all()?;
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        let started = Instant::now();
        file.write_all_at(&[7; BODY_BYTES], (number * BODY_BYTES) as u64)?;
        file.sync_data()?;
        times.push(started.elapsed());
    }
    Ok(median(&mut times))
}

/// Messages a second that a plain append writes to a growing file, with a sync after every hundred.
pub fn append_rate(count: u64) -> Outcome<f64> {
    const BATCH: usize = 100;
    let directory = DataDir::new()?;
    let mut file = File::create(directory.path().join("appended"))?;
    let batch = vec![7; BATCH * BODY_BYTES];
    let started = Instant::now();
    for _ in 0..count / BATCH as u64 {
        file.write_all(&batch)?;
        file.sync_data()?;
    }
    Ok(rate(count, started.elapsed()))
}

/// How long it takes to read these files from one end to the other.
pub fn read_time(paths: &[PathBuf]) -> Outcome<Duration> {
    let mut buffer = vec![0; 1 << 20];
    let started = Instant::now();
    for path in paths {
        // A start makes some of them anew.
        let Ok(mut file) = File::open(path) else { continue };
        while 0 < file.read(&mut buffer)? {}
    }
    Ok(started.elapsed())
}

pub fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a rate is for reading")]
pub fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
