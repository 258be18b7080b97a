//! Every program that fuzzing has kept, and two thousand by chance, run without a fuzzer. See `fuzz/README.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

mod input_checks;
#[allow(dead_code, reason = "only a part of it is needed")]
mod support;

use std::fs;
use std::path::Path;

/// Says which input it was, since the checks themselves do not.
struct Running(String);

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("while running {}", self.0);
        }
    }
}

#[test]
fn kept_programs_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/core_methods");
    let inputs: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(5 < inputs.len(), "only {} inputs in {}", inputs.len(), folder.display());
    for path in &inputs {
        let _running = Running(path.display().to_string());
        input_checks::core_methods(&fs::read(path).unwrap());
    }
}

#[test]
fn programs_by_chance_hold() {
    // xorshift64*: the same two thousand each time.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut byte = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes()[0]
    };
    for number in 0..2000 {
        let length = 20 + usize::from(byte()) / 2;
        let program: Vec<u8> = (0..length).map(|_| byte()).collect();
        let _running = Running(format!("program {number}: {program:?}"));
        input_checks::core_methods(&program);
    }
}
