//! `rabbitmq-plugins`: leveret has no plugins to load. What RabbitMQ has as plugins is built in, or is not there.
//!
//! The file of enabled plugins is read and written as RabbitMQ's, so that scripts that prepare an image run;
//! the broker does not read it.

use std::path::PathBuf;

use serde_json::json;
use std::fmt::Write as _;

use super::call::Call;
use super::command::{Action, Command, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::Output;
use super::tool::Tool;
use super::words::{Opt, switch};

const PLUGIN: Command = Command { topic: Topic::Plugins, tools: &[Tool::Plugins], ..NONE };

/// What is built in.
const BUILT_IN: &[&str] = &[
    "rabbitmq_consistent_hash_exchange",
    "rabbitmq_event_exchange",
    "rabbitmq_management",
    "rabbitmq_management_agent",
    "rabbitmq_prometheus",
    "rabbitmq_web_dispatch",
];

const PLACE: &[Opt] =
    &[switch("offline", "only the file"), switch("online", "the broker as well"), switch("all", "all")];

const fn short(letter: char, opt: Opt) -> Opt {
    Opt { short: Some(letter), ..opt }
}

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "list",
        summary: "Lists what RabbitMQ has as plugins and is built in here, and what the file names",
        usage: "[pattern] [--verbose] [--minimal] [--enabled] [--implicitly-enabled]",
        arguments: (0, 1),
        options: &[
            short('v', switch("verbose", "accepted")),
            short('m', switch("minimal", "names only")),
            short('E', switch("enabled", "what the file names")),
            short('e', switch("implicitly-enabled", "what is there")),
            switch("offline", "accepted"),
            switch("online", "accepted"),
        ],
        banner: Some(|call| Ok(format!("Listing plugins with pattern \"{}\" ...", pattern(call)))),
        action: Action::Do(|call| Ok(list(call))),
        ..PLUGIN
    },
    Command {
        name: "enable",
        summary: "Names plugins in the file of enabled plugins",
        usage: "<plugin1> [ <plugin2>] | --all [--offline] [--online]",
        arguments: (0, usize::MAX),
        options: PLACE,
        banner: Some(|call| Ok(changing(call, "Enabling"))),
        action: Action::Do(|call| change(call, |named, given| named.extend(given.iter().cloned()))),
        ..PLUGIN
    },
    Command {
        name: "disable",
        summary: "Takes plugins out of the file; what is built in stays",
        usage: "<plugin1> [ <plugin2>] | --all [--offline] [--online]",
        arguments: (0, usize::MAX),
        options: PLACE,
        banner: Some(|call| Ok(changing(call, "Disabling"))),
        action: Action::Do(|call| change(call, |named, given| named.retain(|name| !given.contains(name)))),
        ..PLUGIN
    },
    Command {
        name: "set",
        summary: "Names these plugins in the file and no others",
        usage: "<plugin1> [ <plugin2>] [--offline] [--online]",
        arguments: (0, usize::MAX),
        options: PLACE,
        banner: Some(|call| Ok(changing(call, "Enabling"))),
        action: Action::Do(|call| change(call, |named, given| *named = given.to_vec())),
        ..PLUGIN
    },
    Command {
        name: "is_enabled",
        topic: Topic::Monitoring,
        summary: "Succeeds if all of these are built in or named in the file",
        usage: "<plugin1> [ <plugin2>] [--offline] [--online]",
        arguments: (1, usize::MAX),
        options: PLACE,
        banner: Some(|call| {
            let (plural, names, be) = match call.words.plain.len() {
                1 => ("", call.argument(0).to_owned(), "is"),
                _ => ("s", call.words.plain.join(", "), "are"),
            };
            if call.words.has("offline") {
                return Ok(format!("Inferring if plugin{plural} {names} {be} from local environment..."));
            }
            Ok(format!("Asking node {} if plugin{plural} {names} {be} enabled...", call.presumed_node()))
        }),
        action: Action::Do(is_enabled),
        ..PLUGIN
    },
    Command {
        name: "directories",
        topic: Topic::Monitoring,
        summary: "Says where the file of enabled plugins is",
        usage: "[--offline] [--online]",
        options: PLACE,
        banner: Some(|call| Ok(format!("Listing plugin directories used by node {}", call.presumed_node()))),
        action: Action::Do(|call| {
            let file = file(call);
            let text = format!("Enabled plugins file: {}", file.display());
            Ok(Output::Document { text, json: json!({ "enabled_plugins_file": file }) })
        }),
        ..PLUGIN
    },
];

fn file(call: &Call<'_>) -> PathBuf {
    let named = call.environment.variable("RABBITMQ_ENABLED_PLUGINS_FILE");
    PathBuf::from(named.unwrap_or_else(|| "/etc/rabbitmq/enabled_plugins".to_owned()))
}

fn changing(call: &Call<'_>, what: &str) -> String {
    let names = if call.words.has("all") { BUILT_IN.join("\n") } else { call.words.plain.join("\n") };
    format!("{what} plugins on node {}:\n{names}", call.presumed_node())
}

/// What the file names; nothing if it is not there.
fn named(call: &Call<'_>) -> Vec<String> {
    let text = std::fs::read_to_string(file(call)).unwrap_or_default();
    parsed(&text)
}

/// An Erlang list of atoms with a full stop.
fn parsed(text: &str) -> Vec<String> {
    let without_comments: String = text.lines().filter(|line| !line.trim_start().starts_with('%')).collect();
    let inside = without_comments
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(list, _)| list.to_owned());
    let inside = inside.unwrap_or_default();
    let names = inside.split(',').map(|name| name.trim().trim_matches('\'').to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

fn change(call: &Call<'_>, change: fn(&mut Vec<String>, &[String])) -> Result<Output, Failure> {
    let before = sorted(named(call));
    let given: Vec<String> = if call.words.has("all") {
        BUILT_IN.iter().map(|&name| name.to_owned()).collect()
    } else {
        call.words.plain.clone()
    };
    let mut after = before.clone();
    change(&mut after, &given);
    let after = sorted(after);
    let file = file(call);
    let unwritten = |error: std::io::Error| {
        Failure::error(Exit::Unavailable, format!("{} could not be written: {error}", file.display()))
    };
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory).map_err(unwritten)?;
    }
    std::fs::write(&file, format!("[{}].\n", after.join(","))).map_err(unwritten)?;
    Ok(Output::Text(changed(call, &before, &after)))
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names
}

fn changed(call: &Call<'_>, before: &[String], after: &[String]) -> String {
    let listed =
        |names: &[String]| names.iter().map(|name| format!("  {name}")).collect::<Vec<_>>().join("\n");
    let strange: Vec<&str> =
        after.iter().map(String::as_str).filter(|name| !BUILT_IN.contains(name)).collect();
    let mut text = String::new();
    if !strange.is_empty() {
        let _ = write!(text, "WARNING - plugins currently enabled but missing: {}\n\n", strange.join(", "));
    }
    text.push_str("The following plugins have been configured:\n");
    text.push_str(&listed(after));
    let _ = write!(text, "\nApplying plugin configuration to {}...\n", call.presumed_node());
    if before == after {
        return text + "Plugin configuration unchanged.";
    }
    let only =
        |one: &[String], other: &[String]| one.iter().filter(|name| !other.contains(name)).cloned().collect();
    let (mut started, stopped): (Vec<String>, Vec<String>) = (only(after, before), only(before, after));
    if !call.words.has("offline") {
        // What is not here has not been started, whatever the file names.
        started.retain(|name| BUILT_IN.contains(&name.as_str()));
    }
    for (names, what) in [(&started, "enabled"), (&stopped, "disabled")] {
        if !names.is_empty() {
            let _ = write!(text, "The following plugins have been {what}:\n{}\n\n", listed(names));
        }
    }
    if call.words.has("offline") {
        return text
            + &format!(
                "set {} plugins.\nOffline change; changes will take effect at broker restart.",
                after.len()
            );
    }
    let is_less = started.is_empty() && !stopped.is_empty();
    let (how, names) = if is_less { ("stopped", &stopped) } else { ("started", &started) };
    text + &format!("{how} {} plugins.", names.len())
}

fn pattern<'a>(call: &'a Call<'_>) -> &'a str {
    call.words.plain.first().map_or(".*", String::as_str)
}

fn list(call: &Call<'_>) -> Output {
    let explicit = named(call);
    let wanted = pattern(call).trim_matches(|each| matches!(each, '.' | '*' | '^' | '$'));
    let mut names =
        sorted(BUILT_IN.iter().map(|&name| name.to_owned()).chain(explicit.iter().cloned()).collect());
    names.retain(|name| name.contains(wanted) && (!call.words.has("enabled") || explicit.contains(name)));
    if call.words.has("minimal") {
        return Output::Text(names.join("\n"));
    }
    let version = super::help::version();
    let width = names.iter().map(String::len).max().unwrap_or_default();
    let line = |name: &String| {
        let how = if explicit.contains(name) { 'E' } else { 'e' };
        let runs = if BUILT_IN.contains(&name.as_str()) { '*' } else { ' ' };
        format!("[{how}{runs}] {name:width$} {version}")
    };
    let mut lines: Vec<String> = names.iter().map(line).collect();
    if !call.is_quiet() {
        let legend = [
            " Configured: E = explicitly enabled; e = implicitly enabled".to_owned(),
            format!(" | Status: * = running on {}", call.presumed_node()),
            " |/".to_owned(),
        ];
        lines.splice(0..0, legend);
    }
    let json = json!({ "status": "running", "format": "normal", "plugins": names.iter().map(|name| json!({
        "name": name, "version": version, "enabled": if explicit.contains(name) { "enabled" } else { "implicit" },
        "running": BUILT_IN.contains(&name.as_str()), "running_version": version })).collect::<Vec<_>>() });
    Output::Document { text: lines.join("\n"), json }
}

fn is_enabled(call: &Call<'_>) -> Result<Output, Failure> {
    let mut enabled: Vec<String> = BUILT_IN.iter().map(|&name| name.to_owned()).collect();
    if call.words.has("offline") {
        enabled.extend(named(call));
    }
    let on =
        if call.words.has("offline") { String::new() } else { format!(" on node {}", call.presumed_node()) };
    let missing: Vec<&String> = call.words.plain.iter().filter(|name| !enabled.contains(name)).collect();
    let (plural, be) = if call.words.plain.len() == 1 { ("", "is") } else { ("s", "are") };
    if missing.is_empty() {
        return Ok(Output::Text(format!("Plugin{plural} {} {be} enabled{on}", call.words.plain.join(", "))));
    }
    let missing = missing.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let text = format!(
        "Plugin {missing} is not enabled{on}. Enabled plugins and dependencies: {}",
        enabled.join(", ")
    );
    Err(Failure::error(Exit::Unavailable, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_a_list_of_atoms() {
        assert_eq!(
            parsed("% comment\n[rabbitmq_management, 'rabbitmq_x'].\n"),
            ["rabbitmq_management", "rabbitmq_x"]
        );
        assert_eq!(parsed("[]."), Vec::<String>::new());
        assert_eq!(parsed(""), Vec::<String>::new());
    }
}
