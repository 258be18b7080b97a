//! The whole way once, in its shortest form: processes, loads, rounds, page, plots.
//!
//! It measures nothing that anybody should believe: the binary is that of the tests, and the machine is busy with them.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn one_case_runs_from_its_processes_to_its_page() {
    let bench = Path::new(env!("CARGO_BIN_EXE_leveret-bench"));
    let leveret = bench.with_file_name("leveret");
    if !leveret.exists() {
        eprintln!("left out: there is no {} (a test of the whole workspace builds it)", leveret.display());
        return;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let output = Command::new(bench)
        .arg("--broker")
        .arg(&leveret)
        .arg("--generator")
        .arg(&leveret)
        .arg("--work")
        .arg(folder.path())
        .args(["bench", "--quick", "--only", "16b"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let figures: Value = serde_json::from_str(&read("performance/figures.json")).unwrap();
    let runs = figures["runs"].as_array().unwrap();
    let parties: Vec<&str> = runs.iter().map(|run| run["party"].as_str().unwrap()).collect();
    assert_eq!(parties, ["leveret", "relay"]);
    for run in runs {
        assert!(0.0 < run["figures"]["rate"][0].as_f64().unwrap(), "{run}");
        assert!(0.0 < run["figures"]["processor_us_per_message"][0].as_f64().unwrap(), "{run}");
    }
    let page = read("performance.md");
    assert!(page.contains("1 not measured") && page.contains("## Where the time goes"), "{page}");
    assert!(read("performance/throughput.svg").starts_with("<svg"));
    // The data directory went with its broker.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}
