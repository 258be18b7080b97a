//! A segment of the log, opened. What must hold is in the checks, which `cargo test` runs on the kept corpus as well.
#![no_main]

#[path = "../../crates/storage/tests/input_checks/mod.rs"]
mod input_checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| input_checks::log_segment(bytes));
