//! The settings of `leveret serve`, resolved whole from four sources before anything starts.
//!
//! A flag wins over the environment, the environment over the file, the file over the default; a source
//! that speaks of an option replaces what the sources below it say. Nothing is ignored in silence: a key
//! is honoured or the start is refused, naming file, line and key.

mod environment;
mod events;
mod file;
mod known;
mod log;
mod login;
mod options;
mod tls;
mod value;

use std::fmt;
use std::path::{Path, PathBuf};

use leveret::Settings;

pub use environment::Environment;
pub use log::{Asked, Category, LogFormat, LogLevel};
pub use options::{Flag, Setting, settings};

/// Everything that `leveret serve` was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// For the broker.
    pub settings: Settings,
    /// Whether connections without TLS are accepted.
    pub listens_plain: bool,
    /// Files to create entities from, in order.
    pub definitions: Vec<PathBuf>,
    /// Whether keeping nothing was asked for.
    pub ephemeral: bool,
    /// How much is logged of what has no level of its own.
    pub log: LogLevel,
    /// The levels of categories; a later one counts.
    pub log_levels: Vec<(Category, LogLevel)>,
    /// What a line of the log looks like.
    pub log_format: LogFormat,
    /// The file that was read, if any.
    pub config_file: Option<PathBuf>,
    /// Variables that look like options and are none; worth a line in the log.
    pub unused_variables: Vec<String>,
}

/// A value as one source gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The flag, the variable or the key, as written.
    pub name: String,
    /// The key's last part; empty for flags and variables.
    pub part: String,
    /// The text of the value.
    pub value: String,
    /// Where to look when the value is wrong.
    pub origin: Origin,
}

impl Given {
    /// The last part of a key: what `*` stood for.
    pub fn last_part(&self) -> &str {
        &self.part
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The environment.
    Variable,
    /// A line of a file.
    Line(PathBuf, usize),
}

/// Why the start is refused; prints all reasons, a line each.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// Resolves all sources. `flags` is what the command line gave, in order.
pub fn resolve(flags: &[Given], environment: &Environment) -> Result<Plan, ConfigError> {
    let mut plan = Plan {
        settings: options::defaults(),
        listens_plain: true,
        definitions: Vec::new(),
        ephemeral: false,
        log: LogLevel(tracing::level_filters::LevelFilter::INFO),
        log_levels: Vec::new(),
        log_format: LogFormat::Text,
        config_file: None,
        unused_variables: environment.unused(),
    };
    let mut problems = Vec::new();
    apply(&options::CONFIG_FILE, &mut plan, &[flags, &environment.given], &mut problems);
    let file = match &plan.config_file {
        Some(path) => read_file(path, environment, &mut problems),
        None => Vec::new(),
    };
    // TLS first: whether there may be no listener without it depends on its listeners.
    let others = options::SETTINGS.iter().chain(login::LOGIN_SETTINGS).chain(events::EVENT_SETTINGS);
    let others = others.chain(log::LOG_SETTINGS);
    for setting in tls::TLS_SETTINGS.iter().chain(others) {
        apply(setting, &mut plan, &[flags, &environment.given, &file], &mut problems);
    }
    if plan.listens_plain && plan.settings.listen.is_empty() {
        plan.settings.listen.push(options::DEFAULT_LISTEN);
    }
    if problems.is_empty() { Ok(plan) } else { Err(ConfigError(problems)) }
}

/// Where a broker keeps its data that was told nothing: where services of the machine do, or the user's programs.
pub fn default_data_dir(environment: &Environment) -> Option<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Some("/var/lib/leveret".into());
    }
    let of_programs =
        environment.variable("XDG_DATA_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = environment.variable("HOME").filter(|path| !path.is_empty());
    let of_programs = of_programs.or_else(|| home.map(|home| PathBuf::from(home).join(".local/share")));
    of_programs.map(|directory| directory.join("leveret"))
}

/// Lets the highest source that speaks of `setting` set it.
fn apply(setting: &Setting, plan: &mut Plan, sources: &[&[Given]], problems: &mut Vec<String>) {
    let spoken = sources.iter().map(|source| setting.given_by(source)).find(|given| !given.is_empty());
    let Some(given) = spoken else { return };
    if let Err(refused) = (setting.set)(plan, &given) {
        let culprit = given.get(refused.at).map(ToString::to_string).unwrap_or_default();
        problems.push(format!("{culprit}: {}", refused.text));
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Flag => write!(f, "--{}", self.name),
            Origin::Variable => write!(f, "environment variable {}", self.name),
            Origin::Line(path, line) => write!(f, "{}, line {line}: {}", path.display(), self.name),
        }
    }
}

impl Setting {
    /// What of `source` speaks of this option. In the order of the variables, else of the source.
    fn given_by(&self, source: &[Given]) -> Vec<Given> {
        let mut given: Vec<Given> = source.iter().filter(|given| self.is_named(given)).cloned().collect();
        let rank = |given: &Given| self.environment.iter().position(|name| *name == given.name);
        given.sort_by_key(rank);
        given
    }

    fn is_named(&self, given: &Given) -> bool {
        match given.origin {
            Origin::Flag => self.flag.is_some_and(|flag| flag.name() == given.name),
            Origin::Variable => self.environment.contains(&given.name.as_str()),
            Origin::Line(..) => self.keys.iter().any(|pattern| matches(pattern, &given.name)),
        }
    }
}

/// Whether `key` is what `pattern` stands for: equal, or equal but for a last part of `*`.
fn matches(pattern: &str, key: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(front) => key.strip_prefix(front).is_some_and(|part| !part.is_empty()),
        None => pattern == key,
    }
}

/// Reads the entries of a file; a key that is no option is a problem of its own.
fn read_file(path: &Path, environment: &Environment, problems: &mut Vec<String>) -> Vec<Given> {
    // RabbitMQ lets the name be given without its extension.
    let with_extension = path.with_added_extension("conf");
    let path = if !path.exists() && with_extension.exists() { &with_extension } else { path };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(format!("cannot read the configuration file {}: {error}", path.display()));
            return Vec::new();
        }
    };
    let entries = file::parse(&text, |name| environment.variable(name)).unwrap_or_else(|error| {
        problems.push(format!("{}, {error}", path.display()));
        Vec::new()
    });
    let given = entries.into_iter().map(|entry| Given {
        part: entry.parts().pop().unwrap_or_default(),
        name: entry.key,
        value: entry.value,
        origin: Origin::Line(path.to_owned(), entry.line),
    });
    let (served, other): (Vec<_>, Vec<_>) =
        given.partition(|given| settings().any(|setting| setting.is_named(given)));
    problems.extend(other.iter().map(|given| format!("{given}: {}", known::refusal(&given.name))));
    served
}

#[cfg(test)]
mod documentation;
#[cfg(test)]
mod tests;
