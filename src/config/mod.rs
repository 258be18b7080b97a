//! The settings of `leveret serve`, resolved whole from four sources before anything starts.
//!
//! A flag wins over the environment, the environment over the files, the files over the default; a source
//! that speaks of an option replaces what the sources below it say. Nothing is ignored in silence: a key is honoured, or
//! the plan has a note of it; a value that makes no sense refuses the start, naming file, line and key.

mod environment;
mod events;
mod file;
mod files;
mod http;
mod known;
mod log;
mod login;
mod node;
mod note;
mod options;
mod otlp;
mod review;
mod tls;
mod value;

use std::fmt;
use std::path::{Path, PathBuf};

use known::{Effect, Verdict};
use leveret::Settings;

pub use environment::Environment;
pub use http::{Http, Metrics};
pub use log::{Asked, Category, LogFormat, LogLevel};
pub use note::{Note, Weight};
pub use options::{Flag, Setting, settings};
pub use review::{Line, Standing, review};

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
    /// The HTTP API.
    pub http: Http,
    /// The page of metrics.
    pub metrics: Metrics,
    /// The file that was asked for, if any.
    pub config_file: Option<PathBuf>,
    /// The files that come after it, where they are not those of `conf.d`: a directory, or a pattern.
    pub more_config: Option<String>,
    /// The files that were read, in order.
    pub config_files: Vec<PathBuf>,
    /// What is worth a line in the log.
    pub notes: Vec<Note>,
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
    let mut plan = Plan::new(environment);
    let mut problems = Vec::new();
    for setting in [&options::CONFIG_FILE, &options::MORE_CONFIG] {
        apply(setting, &mut plan, &[flags, &environment.given], &mut problems);
    }
    plan.config_files = files::find(&mut plan, environment);
    let mut in_files = Vec::new();
    for path in plan.config_files.clone() {
        let given = read_file(&path, environment, &mut problems);
        in_files.extend(served(given, &mut plan, &mut problems));
    }
    let sources = [flags, &environment.given, &in_files];
    for setting in options::in_order() {
        apply(setting, &mut plan, &sources, &mut problems);
    }
    tls::fill_in(&mut plan, &environment.given);
    http::fill_in(&mut plan);
    if plan.listens_plain && plan.settings.listen.is_empty() {
        plan.settings.listen.push(options::DEFAULT_LISTEN);
    }
    if problems.is_empty() { Ok(plan) } else { Err(ConfigError(problems)) }
}

impl Plan {
    /// What holds before any source has spoken.
    fn new(environment: &Environment) -> Self {
        let mut plan = Self {
            settings: options::defaults(),
            listens_plain: true,
            definitions: Vec::new(),
            ephemeral: false,
            log: LogLevel(tracing::level_filters::LevelFilter::INFO),
            log_levels: Vec::new(),
            log_format: LogFormat::Text,
            http: Http::default(),
            metrics: Metrics::default(),
            config_file: None,
            more_config: None,
            config_files: Vec::new(),
            notes: Vec::new(),
        };
        let inert = environment.inert();
        if !inert.is_empty() {
            plan.inform(format!("these variables of RabbitMQ change nothing here: {}", inert.join(", ")));
        }
        let unused = environment.unused();
        if !unused.is_empty() {
            plan.warn(format!("these environment variables have no effect: {}", unused.join(", ")));
        }
        for line in &environment.not_understood {
            plan.warn(format!(
                "a line of rabbitmq-env.conf that only a shell understands is left out: {line}"
            ));
        }
        plan
    }
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

/// Where a broker of this environment keeps its data, if the environment says so.
pub fn told_data_dir(environment: &Environment) -> Option<PathBuf> {
    let mut plan = Plan::new(environment);
    let of_data = settings().find(|setting| setting.flag.is_some_and(|flag| flag.name() == "data-dir"));
    // A directory that cannot be one is for the broker to refuse.
    if let Some(setting) = of_data {
        apply(setting, &mut plan, &[&environment.given], &mut Vec::new());
    }
    plan.settings.data_dir
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
            Origin::Line(..) => self.has_key(&given.name),
        }
    }
}

impl Setting {
    /// Whether a key of a file is one of its.
    pub fn has_key(&self, key: &str) -> bool {
        self.keys.iter().any(|pattern| matches(pattern, key))
    }
}

/// Whether `key` is what `pattern` stands for: equal, or equal but for a last part of `*`.
fn matches(pattern: &str, key: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(front) => key.strip_prefix(front).is_some_and(|part| !part.is_empty()),
        None => pattern == key,
    }
}

/// Reads the entries of a file.
fn read_file(path: &Path, environment: &Environment, problems: &mut Vec<String>) -> Vec<Given> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(format!("cannot read the configuration file {}: {error}", path.display()));
            return Vec::new();
        }
    };
    let (entries, errors) = file::parse(&text, |name| environment.variable(name));
    problems.extend(errors.iter().map(|error| format!("{}, {error}", path.display())));
    given_in(path, entries)
}

/// The entries of a file as values of options.
fn given_in(path: &Path, entries: Vec<file::Entry>) -> Vec<Given> {
    let given = entries.into_iter().map(|entry| Given {
        part: entry.parts().pop().unwrap_or_default(),
        name: entry.key,
        value: entry.value,
        origin: Origin::Line(path.to_owned(), entry.line),
    });
    given.collect()
}

/// Those that are options; of the others the plan has notes, or they are problems.
fn served(given: Vec<Given>, plan: &mut Plan, problems: &mut Vec<String>) -> Vec<Given> {
    let mut served = Vec::new();
    for given in given {
        match known::verdict(&given.name, &given.value) {
            Verdict::Served => served.push(given),
            Verdict::Inert(Effect::None(why)) => plan.inform(format!("{given}: changes nothing, {why}")),
            Verdict::Inert(Effect::Missed(why)) => plan.warn(format!("{given}: has no effect, {why}")),
            Verdict::Refused(why) => problems.push(format!("{given}: {why}")),
            Verdict::Unknown(near) => plan.warn(format!("{given}: {}", known::unknown(near))),
        }
    }
    served
}

#[cfg(test)]
mod documentation;
#[cfg(test)]
mod tests;
