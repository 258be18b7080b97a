//! schemathesis, which makes requests out of an OpenAPI document and compares what is answered with what the document
//! promises: here that of leveret's HTTP API.

use std::env;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use leveret_interop::{Server, environment, profile_dir, run};

const RUN_LIMIT: Duration = Duration::from_mins(3);

#[test]
fn every_answer_of_the_http_api_is_what_its_document_promises() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi");
    let scratch = profile_dir().expect("cargo runs tests from a target directory").join("interop");
    let python = match environment(&scratch.join("openapi"), &suite.join("requirements.txt")) {
        Ok(python) => python,
        Err(lack) if env::var_os("CI").is_some() => panic!("CI must be able to run schemathesis: {lack}"),
        Err(lack) => return say(&format!("skipped: schemathesis: {lack}\n")),
    };
    let http = free_address().expect("a port on loopback is free");
    // Of the same option the last one counts.
    let arguments = ["--http".to_owned(), http.clone()];
    let server = Server::start_with(&[], &arguments).unwrap_or_else(|error| panic!("{error}"));
    let api = format!("http://{http}/api");
    let mut schemathesis = Command::new(python.with_file_name("schemathesis"));
    schemathesis.arg("--config-file").arg(suite.join("schemathesis.toml"));
    schemathesis.args(["run", &format!("{api}/openapi.json"), "--auth", "guest:guest", "--no-color"]);
    // Where it is started it leaves its notes.
    schemathesis.current_dir(&scratch);
    schemathesis.env("INTEROP_HTTP_URL", &api).env("INTEROP_URL", server.url());
    schemathesis.env("PYTHONPATH", &suite).env("PYTHONDONTWRITEBYTECODE", "1");
    let finished = run(schemathesis, RUN_LIMIT).expect("schemathesis starts");
    let (output, log) = (&finished.output, server.log());
    match finished.status {
        Some(status) if status.success() => say(&format!("\n{}\n", summary(output))),
        Some(status) => panic!("schemathesis ended with {status}\n{output}\nthe broker's log:\n{log}"),
        None => panic!("schemathesis was killed after {} s\n{output}", RUN_LIMIT.as_secs()),
    }
    assert!(server.stop().is_some_and(|status| status.success()), "{}", server.log());
}

fn free_address() -> io::Result<String> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.to_string())
}

/// How much was asked.
fn summary(output: &str) -> &str {
    output.lines().find(|line| line.contains("generated")).unwrap_or_default().trim()
}

/// Past the test harness, which would swallow what a passing test prints.
fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
