//! `rabbitmqadmin`, the script and its successor, command by command: leveret answers as RabbitMQ did.
//!
//! With `UPDATE_RECORDED=1`, `LEVERET_INTEROP_BROKER` and `LEVERET_INTEROP_HTTP` (address and port of its HTTP API)
//! what that RabbitMQ answers is recorded instead.
#![cfg(test)]

use std::env;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use leveret_interop::admin::{Differences, Place, Session, Transcript, leveret, script, steps, successor};
use leveret_interop::{Broker, Server, environment, free_address, profile_dir};

/// One at a time: they use the same names, and a RabbitMQ to record may be the only one.
static TURN: Mutex<()> = Mutex::new(());

/// A run of all commands of a grammar with one program.
struct Run {
    /// Which commands: the name of the file.
    grammar: &'static str,
    /// Whose differences: `script`, `successor` or `leveret`.
    program: &'static str,
    tool: Vec<String>,
}

#[test]
fn the_script_gets_from_leveret_what_it_gets_from_rabbitmq() {
    with_python("script", |python, scratch| script(python, &scratch.join("rabbitmq-server")));
}

#[test]
fn its_successor_gets_from_leveret_what_it_gets_from_rabbitmq() {
    match successor() {
        Ok(tool) => {
            with_python("successor", |_, _| Ok(tool.clone()));
            with_python("common", |_, _| Ok(tool));
        }
        // Its build takes minutes: CI does without it.
        Err(lack) => say(&format!("skipped: rabbitmqadmin-ng: {lack}\n")),
    }
}

#[test]
fn leveret_admin_answers_the_words_of_the_script_as_the_script_does() {
    ourselves("script", &[]);
}

#[test]
fn leveret_admin_answers_the_words_of_the_successor_that_it_knows_as_the_successor_does() {
    // A variable that only the successor has says which of the two is meant by what both know.
    ourselves("common", &["env", "RABBITMQADMIN_TABLE_STYLE=modern"]);
}

fn ourselves(grammar: &'static str, first: &[&str]) {
    if Broker::is_foreign() {
        return say("skipped: leveret admin: the tools themselves record\n");
    }
    let program = leveret().unwrap_or_else(|error| panic!("{error}"));
    let tool = first.iter().map(|&word| word.to_owned()).chain(program).collect();
    let run = Run { grammar, program: "leveret", tool };
    match prepare() {
        Ok((scratch, python)) => perform(&run, &python, &scratch),
        Err(lack) => lacking("leveret admin", &lack),
    }
}

fn with_python(grammar: &'static str, find: impl FnOnce(&Path, &Path) -> Result<Vec<String>, String>) {
    let found = prepare().and_then(|(scratch, python)| {
        let tool = find(&python, &scratch)?;
        Ok((scratch, python, tool))
    });
    match found {
        Ok((scratch, python, tool)) => perform(&Run { grammar, program: grammar, tool }, &python, &scratch),
        Err(lack) => lacking(grammar, &lack),
    }
}

fn lacking(what: &str, lack: &str) {
    assert!(env::var_os("CI").is_none(), "CI must be able to run rabbitmqadmin ({what}): {lack}");
    say(&format!("skipped: rabbitmqadmin ({what}): {lack}\n"));
}

/// A folder for files, and Python with what the client needs.
fn prepare() -> Result<(PathBuf, PathBuf), String> {
    let scratch =
        profile_dir().ok_or("cargo runs tests from a target directory")?.join("interop/admin-files");
    fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    let python = environment(&scratch.with_file_name("admin"), &folder().join("requirements.txt"))?;
    Ok((scratch, python))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("admin")
}

fn perform(run: &Run, python: &Path, scratch: &Path) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let files = tempfile::tempdir_in(scratch).expect("the scratch folder is ours");
    let documents = folder().join("documents");
    std::os::unix::fs::symlink(documents, files.path().join("documents")).expect("the folder is empty");
    let (server, place) = place();
    let mut session = Session {
        tool: &run.tool,
        python: python.to_owned(),
        folder: folder(),
        scratch: files.path().to_owned(),
        place,
        known: std::collections::BTreeMap::new(),
        client: None,
    };
    let said = read(&folder().join(format!("{}.txt", run.grammar)));
    let steps = steps(&said).unwrap_or_else(|wrong| panic!("{wrong}"));
    let answered = session.run(&steps).unwrap_or_else(|wrong| panic!("{wrong}"));
    judge(run, &answered, scratch);
    if let Some(server) = server {
        assert!(server.stop().is_some_and(|status| status.success()), "{}", server.log());
    }
}

fn judge(run: &Run, answered: &Transcript, scratch: &Path) {
    let record = folder().join(format!("recorded/{}.txt", run.grammar));
    if env::var_os("UPDATE_RECORDED").is_some() {
        assert!(Broker::is_foreign(), "what leveret answers is no record of RabbitMQ");
        return fs::write(record, answered.to_string()).expect("the suite's folder is ours");
    }
    let kept = scratch.join(format!("{}-{}.answered.txt", run.program, run.grammar));
    fs::write(&kept, answered.to_string()).expect("the scratch folder is ours");
    let listed = Differences::parse(&read(&folder().join("differences.tsv")), run.program);
    let listed = listed.unwrap_or_else(|wrong| panic!("{wrong}"));
    let recorded = Transcript::parse(&read(&record));
    let wrong = recorded.compare(answered, &listed);
    say(&format!(
        "rabbitmqadmin ({}, {}): {} commands, {} not answered as by RabbitMQ and listed\n",
        run.program,
        run.grammar,
        answered.0.len(),
        listed.count(answered)
    ));
    assert!(
        wrong.is_empty(),
        "{} differences, all in {}:\n{}",
        wrong.len(),
        kept.display(),
        wrong.join("\n")
    );
}

/// The broker that the environment names, or a leveret of our own.
fn place() -> (Option<Server>, Place) {
    if let Ok(url) = env::var("LEVERET_INTEROP_BROKER") {
        let at = url.rsplit('@').next().and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let http = env::var("LEVERET_INTEROP_HTTP").expect("LEVERET_INTEROP_HTTP is ADDRESS:PORT");
        return (None, Place { amqp: address(at), http: address(&http) });
    }
    let http = free_address().expect("a port on loopback is free");
    let arguments = ["--http".to_owned(), http.to_string()];
    let server = Server::start_with(&[], &arguments).unwrap_or_else(|error| panic!("{error}"));
    let amqp = server.address();
    (Some(server), Place { amqp, http })
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Past the test harness, which would swallow what a passing test prints.
fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
