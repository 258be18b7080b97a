//! `rabbitmqadmin`, in both of its grammars: the Python script's (`declare queue name=q`) and that of the program
//! that came after it (`queues declare --name q`).
//!
//! Which one is meant shows in the words. What both know, `list queues` alone, is the script's: it is what
//! scripts read. Both speak HTTP to a host and a port as RabbitMQ's do; only where nothing is said of the place
//! the broker is found as by `leveret ctl`.

mod dialect;
mod footprint;
mod governing;
mod grid;
mod lister;
mod nouns;
mod objects;
mod place;
mod script;
mod sheet;
mod tables;
mod verbs;

use std::fmt::Write as _;
use std::process::ExitCode;

use super::words::{Opt, Words, switch, text, whole};

/// Options of both, and those of the script alone that say how an answer looks.
const OPTIONS: &[Opt] = &[
    short('c', text("config", "a file of brokers [default: ~/.rabbitmqadmin.conf]")),
    short('N', text("node", "which broker of the file")),
    short('H', text("host", "the broker's host")),
    short('P', text("port", "the port of its HTTP API")),
    short('U', text("base-uri", "host, port, user and password as one URI")),
    text("path-prefix", "in front of /api"),
    short('V', text("vhost", "the virtual host")),
    short('u', text("username", "as whom")),
    short('p', text("password", "with which password")),
    short('q', switch("quiet", "say nothing but the answer")),
    switch("verbose", "accepted"),
    short('k', switch("insecure", "take any certificate")),
    switch("ssl-insecure", "take any certificate"),
    switch("use-tls", "speak TLS"),
    text("tls-ca-cert-file", "PEM of the authorities"),
    text("tls-cert-file", "PEM of a certificate to show"),
    text("tls-key-file", "PEM of its key"),
    text("ssl-ca-cert-file", "PEM of the authorities"),
    text("ssl-cert-file", "PEM of a certificate to show"),
    text("ssl-key-file", "PEM of its key"),
    whole("timeout", "seconds to wait"),
    switch("non-interactive", "names without lines, for scripts"),
    text("table-style", "modern, borderless, ascii, dots, psql, markdown or sharp"),
    switch("help", "what can be said"),
    switch("version", "the version"),
];

/// Options that only the script has.
const SCRIPT: &[Opt] = &[
    short('s', switch("ssl", "speak TLS")),
    switch("ssl-disable-hostname-verification", "accepted with --ssl-insecure"),
    short('t', whole("request-timeout", "seconds to wait")),
    short('f', text("format", "table, long, tsv, kvp, bash, raw_json or pretty_json")),
    short('S', text("sort", "by which field")),
    short('R', switch("sort-reverse", "the largest first")),
    short('d', whole("depth", "how deep objects in objects are columns")),
    switch("bash-completion", "a completion script"),
];

const fn short(letter: char, opt: Opt) -> Opt {
    Opt { short: Some(letter), ..opt }
}

/// Does what `given` says.
pub fn run(given: &[String]) -> ExitCode {
    let script = Words::sort(given, &[OPTIONS, SCRIPT]);
    if script.has("version") {
        return say(&format!("rabbitmqadmin {}", super::help::version()));
    }
    if script.plain.is_empty() || script.has("help") && script.plain.is_empty() {
        return if script.has("help") { say(&help()) } else { script::misused("Action not specified") };
    }
    let modern = std::env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with("RABBITMQADMIN_"));
    if dialect::is_script(&script, modern) { script::run(&script) } else { sheet::run(given) }
}

/// What both grammars know.
pub fn help() -> String {
    let mut text = script::usage() + "\n" + &sheet::usage();
    text.push_str("\nOptions:\n");
    for opt in OPTIONS.iter().chain(SCRIPT) {
        let short = opt.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
        let _ = writeln!(text, "  {short}--{:28} {}", opt.name, opt.help);
    }
    text.trim_end().to_owned()
}

fn say(text: &str) -> ExitCode {
    use std::io::Write as _;
    // Nobody may be listening; that is no failure.
    let _ = writeln!(std::io::stdout(), "{text}");
    ExitCode::SUCCESS
}
