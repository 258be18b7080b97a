//! Every input that fuzzing has kept, run without a fuzzer. See `fuzz/README.md`.
#![cfg(test)]
#![forbid(unsafe_code)]

mod input_checks;

use std::fs;
use std::path::Path;

/// Says which input it was, since the checks themselves do not.
struct Running<'a>(&'a Path);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("while running {}", self.0.display());
        }
    }
}

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let inputs: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(5 < inputs.len(), "only {} inputs in {}", inputs.len(), folder.display());
    for path in &inputs {
        let _running = Running(path);
        check(&fs::read(path).unwrap());
    }
}

#[test]
fn kept_records_hold() {
    replay("log_record", input_checks::log_record);
}

#[test]
fn kept_segments_hold() {
    replay("log_segment", input_checks::log_segment);
}
