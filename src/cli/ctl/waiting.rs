//! Commands that wait: for a broker to be there, or for one to be gone.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::call::Call;
use super::command::{Action, BOTH, CTL, Command, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::Output;
use super::sign_of_life;
use super::tool::Tool;
use super::words::{Opt, text};

/// Between two looks: soon enough for a start that takes 20 ms, seldom enough to be no load.
const PAUSE: Duration = Duration::from_millis(20);

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "await_startup",
        topic: Topic::Nodes,
        summary: "Waits until the broker serves clients",
        usage: "[--timeout <timeout>]",
        action: Action::Do(|call| {
            let patience = call.timeout().unwrap_or(Duration::from_mins(5));
            until(call, patience, "await_startup", || Ok(serves(call)))?;
            Ok(Output::Done)
        }),
        ..NONE
    },
    Command {
        name: "wait",
        tools: BOTH,
        topic: Topic::Nodes,
        summary: "Waits for a pid file, then until the broker of that process serves clients",
        usage: "[<pidfile>] [--pid|-P <pid>] [--timeout <timeout>]",
        arguments: (0, 1),
        options: &[Opt { short: Some('P'), ..text("pid", "the broker's process") }],
        action: Action::Do(wait),
        ..NONE
    },
    Command {
        name: "await_online_nodes",
        tools: CTL,
        topic: Topic::Cluster,
        summary: "Waits for so many nodes; there is one",
        usage: "<count> [--timeout <timeout>]",
        arguments: (1, 1),
        banner: Some(|call| {
            let patience = call.timeout().unwrap_or(Duration::from_mins(5)).as_secs();
            let (count, node) = (call.argument(0), call.node()?);
            Ok(format!(
                "Will wait for at least {count} nodes to join the cluster of {node}. Timeout: {patience} seconds."
            ))
        }),
        action: Action::Do(|call| match call.argument(0).parse::<u32>() {
            Ok(0 | 1) => Ok(Output::Done),
            Ok(_) => Err(Failure::error(Exit::Timeout, "a leveret is one node: more never join")),
            Err(_) => Err(Failure::bad_argument("Argument must be a positive integer")),
        }),
        ..NONE
    },
    Command {
        name: "await_online_quorum_plus_one",
        tools: &[Tool::Upgrade],
        topic: Topic::Cluster,
        summary: "Nothing to wait for: there is one node",
        usage: "[--timeout <timeout>]",
        banner: Some(|call| {
            let patience = call.timeout().unwrap_or(Duration::from_mins(2)).as_secs();
            Ok(format!(
                "Will wait for a quorum + 1 of nodes to be online for all quorum queues and streams for {patience} seconds..."
            ))
        }),
        action: Action::Do(|call| {
            call.node()?;
            let text =
                "Target node seems to be the only one in a single node cluster, the command does not apply";
            Ok(Output::Text(text.to_owned()))
        }),
        ..NONE
    },
];

fn wait(call: &Call<'_>) -> Result<Output, Failure> {
    let patience = call.timeout().unwrap_or(Duration::from_secs(10));
    let node = call.presumed_node();
    let pid = match (call.words.value("pid"), call.words.plain.first()) {
        (Some(pid), _) => pid.to_owned(),
        (None, Some(file)) => pid_of(call, Path::new(file), patience)?,
        (None, None) => return Err(Failure::usage("\"No pid or pidfile specified\"")),
    };
    call.say(&format!(
        "Waiting for erlang distribution on node '{node}' while OS process '{pid}' is running"
    ));
    until(call, patience, "wait", || {
        if Path::new("/proc").join(&pid).exists() {
            return Ok(sign_of_life::is_alive(call));
        }
        Err(Failure::error(Exit::Unavailable, "process_not_running"))
    })?;
    call.say(&format!("Waiting for applications 'rabbit_and_plugins' to start on node '{node}'"));
    until(call, patience, "wait", || Ok(serves(call)))?;
    call.say(&format!("Applications 'rabbit_and_plugins' are running on node '{node}'"));
    Ok(Output::Done)
}

fn pid_of(call: &Call<'_>, file: &Path, patience: Duration) -> Result<String, Failure> {
    call.say(&format!("Waiting for pid file '{}' to appear", file.display()));
    let mut pid = String::new();
    until(call, patience, "wait", || {
        std::fs::read_to_string(file).unwrap_or_default().trim().clone_into(&mut pid);
        Ok(!pid.is_empty())
    })?;
    call.say(&format!("pid is {pid}"));
    Ok(pid)
}

/// Whether clients are served, not only answered.
fn serves(call: &Call<'_>) -> bool {
    call.client.get("/api/health/checks/is-in-service").is_ok() || {
        // A broker without the HTTP API serves as soon as it greets.
        call.client.get("/api/version").is_err_and(|error| error.status().is_none())
            && sign_of_life::is_alive(call)
    }
}

/// Waits until the broker does not answer any more.
pub fn until_gone(call: &Call<'_>) -> Result<(), Failure> {
    until(call, call.timeout().unwrap_or(Duration::from_mins(5)), "shutdown", || {
        Ok(!sign_of_life::is_alive(call))
    })
}

fn until(
    call: &Call<'_>,
    patience: Duration,
    command: &str,
    mut done: impl FnMut() -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let begin = Instant::now();
    while !done()? {
        if patience <= begin.elapsed() {
            let (node, millis) = (call.presumed_node(), patience.as_millis());
            let text =
                format!("Error: operation {command} on node {node} timed out. Timeout value used: {millis}");
            return Err(Failure::plain(Exit::Timeout, text));
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}
