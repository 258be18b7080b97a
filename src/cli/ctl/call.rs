//! One call of a command: its words, the broker it speaks to, and what it needs to know of it.

use std::cell::OnceCell;
use std::io::{self, Write as _};
use std::time::Duration;

use serde_json::Value;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::format::Formatter;
use super::tool::Tool;
use super::words::Words;
use crate::config::Environment;

/// How long a command waits if it was not told.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A command at work.
pub struct Call<'a> {
    /// As which tool.
    pub tool: Tool,
    /// Its arguments and options; the command's own name is not among the arguments.
    pub words: &'a Words,
    /// The broker.
    pub client: &'a Client,
    /// The process's variables.
    pub environment: &'a Environment,
    /// How the answer is written.
    pub formatter: Formatter,
    node: OnceCell<String>,
}

impl<'a> Call<'a> {
    /// Asks nothing yet.
    pub fn new(tool: Tool, words: &'a Words, client: &'a Client, environment: &'a Environment) -> Self {
        let named = words.value("formatter").and_then(Formatter::named);
        let formatter = named.unwrap_or(Formatter::Table);
        Self { tool, words, client, environment, formatter, node: OnceCell::new() }
    }

    /// The argument at `at`; empty where there is none, which the row's number of arguments rules out.
    pub fn argument(&self, at: usize) -> &str {
        self.words.plain.get(at).map_or("", String::as_str)
    }

    /// `--vhost`.
    pub fn vhost(&self) -> &str {
        self.words.value("vhost").unwrap_or("/")
    }

    /// `--timeout`, if it is a time at all.
    pub fn timeout(&self) -> Option<Duration> {
        timeout(self.words)
    }

    /// Whether only the answer is wanted.
    pub fn is_quiet(&self) -> bool {
        self.words.has("quiet") || self.words.has("silent")
    }

    /// A line before the answer is there, unless it is to be quiet.
    pub fn say(&self, line: &str) {
        if !self.is_quiet() && !self.formatter.is_for_programs() {
            tell(line);
        }
    }

    /// The node's name: what was said, else what the broker says.
    pub fn node(&self) -> Result<&str, Failure> {
        if let Some(node) = self.node.get() {
            return Ok(node);
        }
        let node = match self.named_node() {
            Some(node) => node,
            None => self.asked_node()?,
        };
        Ok(self.node.get_or_init(|| node))
    }

    /// The node's name for what is said when nobody answers.
    pub fn presumed_node(&self) -> String {
        self.node
            .get()
            .cloned()
            .or_else(|| self.named_node())
            .unwrap_or_else(|| "leveret@localhost".to_owned())
    }

    /// Refuses if `--node` names another node than the broker is.
    pub fn check_node(&self) -> Result<(), Failure> {
        let Some(wanted) = self.words.value("node") else { return Ok(()) };
        let is = self.asked_node()?;
        let same = wanted == is || is.split_once('@').is_some_and(|(name, _)| name == wanted);
        if same {
            // The full name is what the messages say.
            let _ = self.node.set(is);
            return Ok(());
        }
        Err(Failure::plain(
            Exit::Unavailable,
            format!(
                "Error: unable to perform an operation on node '{wanted}'. \
                 The broker at {} is node '{is}'.",
                self.client.address()
            ),
        ))
    }

    /// `overview`, as far as `columns` go.
    pub fn overview(&self, columns: &str) -> Result<Value, Failure> {
        Ok(self.client.get(&format!("/api/overview?columns={columns}"))?)
    }

    fn named_node(&self) -> Option<String> {
        let said = self.words.value("node").map(str::to_owned);
        // A name without its host is not how the broker says it.
        let whole = |name: &String| name.contains('@');
        said.filter(whole).or_else(|| self.environment.variable("RABBITMQ_NODENAME").filter(whole))
    }

    fn asked_node(&self) -> Result<String, Failure> {
        let overview = self.overview("node")?;
        let node = overview.get("node").and_then(Value::as_str);
        Ok(node.map_or_else(|| "leveret@localhost".to_owned(), str::to_owned))
    }
}

/// A line that belongs to the answer, at once.
pub fn tell(line: &str) {
    let mut out = io::stdout().lock();
    // Nobody may be listening; the exit code is what counts.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// `--timeout` of these words.
pub fn timeout(words: &Words) -> Option<Duration> {
    let seconds: u64 = words.value("timeout")?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
