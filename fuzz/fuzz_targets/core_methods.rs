//! Programs of three clients against the rules. What must hold is in the checks, which `cargo test` runs on the kept
//! corpus as well.
#![no_main]

#[path = "../../crates/core/tests/input_checks/mod.rs"]
mod input_checks;
#[allow(dead_code, reason = "only a part of it is needed")]
#[path = "../../crates/core/tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| input_checks::core_methods(bytes));
