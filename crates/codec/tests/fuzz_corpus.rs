//! Every input that fuzzing has kept, run without a fuzzer. See `fuzz/README.md`.
#![expect(clippy::unwrap_used, reason = "failing is how a test speaks")]

mod input_checks;

use std::{fs, path::Path};

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
fn kept_frame_streams_hold() {
    replay("frame_cutter", input_checks::frame_cutter);
}

#[test]
fn kept_field_tables_hold() {
    replay("field_table", input_checks::field_table);
}

#[test]
fn kept_content_headers_hold() {
    replay("content_header", input_checks::content_header);
}

#[test]
fn kept_methods_hold() {
    replay("method", input_checks::method);
}
