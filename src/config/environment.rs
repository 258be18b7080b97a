//! The environment as a source of options.
//!
//! Taken once, as a value: nothing reads the process environment later, so tests pass their own. What rabbitmq-env.conf
//! says counts as if it stood in the environment, where that says nothing itself.

use std::path::{Path, PathBuf};

use super::known::KNOWN_VARIABLES;
use super::options::settings;
use super::{Given, Origin, options};

/// The variables of the process.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: Vec<(String, String)>,
    /// Where files are found that nobody names.
    etc: Option<PathBuf>,
    /// Those that are options.
    pub given: Vec<Given>,
    /// Lines of rabbitmq-env.conf that only a shell understands.
    pub not_understood: Vec<String>,
}

impl Environment {
    /// The process's own, with the files of the machine. A variable whose value is not Unicode can be no option and is
    /// left out.
    pub fn of_process() -> Self {
        let unicode = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::of(unicode).with_etc("/etc".as_ref())
    }

    /// These variables. An empty one counts as not set, as container tools pass them on so.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: Vec<_> = variables.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let (given, not_understood) = (given(&variables), Vec::new());
        Self { variables, etc: None, given, not_understood }
    }

    /// With the files of a machine whose configuration is in this directory.
    pub fn with_etc(mut self, directory: &Path) -> Self {
        self.etc = Some(directory.to_owned());
        let named = self.variable("RABBITMQ_CONF_ENV_FILE").map(PathBuf::from);
        let path = named.unwrap_or_else(|| directory.join("rabbitmq/rabbitmq-env.conf"));
        if let Ok(text) = std::fs::read_to_string(path) {
            self.add_script(&text);
        }
        self
    }

    /// The simple lines of a script that sets variables without their prefix.
    fn add_script(&mut self, text: &str) {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines {
            let Some((name, value)) = assignment(line) else {
                self.not_understood.push(line.to_owned());
                continue;
            };
            let name =
                if name.starts_with("RABBITMQ_") { name.to_owned() } else { format!("RABBITMQ_{name}") };
            if self.variable(&name).is_none() && !value.is_empty() {
                self.variables.push((name, value));
            }
        }
        self.given = given(&self.variables);
    }

    /// Where files are found that nobody names.
    pub fn etc(&self) -> Option<&Path> {
        self.etc.as_deref()
    }

    /// One variable, for `$(NAME)` in a file.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.clone())
    }

    /// Variables of RabbitMQ that are known and change nothing here.
    pub fn inert(&self) -> Vec<String> {
        self.names(|name| KNOWN_VARIABLES.contains(&name))
    }

    /// Variables that look like options of leveret or RabbitMQ and are none. They do not stop the start, since a
    /// container's environment is full of them (addresses of linked services).
    pub fn unused(&self) -> Vec<String> {
        let is_known = |name: &str| {
            let is_option = self.given.iter().any(|given| given.name == name);
            is_option || KNOWN_VARIABLES.contains(&name) || OTHERS.contains(&name)
        };
        let is_meant = |name: &str| name.starts_with("LEVERET_") || name.starts_with("RABBITMQ_");
        self.names(|name| is_meant(name) && !is_known(name))
    }

    fn names(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let names = self.variables.iter().map(|(name, _)| name).filter(|name| is_wanted(name));
        let mut names: Vec<String> = names.cloned().collect();
        names.sort();
        names
    }
}

/// What other parts of the program read.
const OTHERS: &[&str] = &["LEVERET_SOCKET", "RABBITMQ_ADVANCED_CONFIG_FILE"];

fn given(variables: &[(String, String)]) -> Vec<Given> {
    let all = || settings().chain([&options::MORE_CONFIG]);
    let is_option = |name: &str| all().any(|setting| setting.environment.contains(&name));
    let options = variables.iter().filter(|(name, _)| is_option(name)).map(|(name, value)| Given {
        name: name.clone(),
        part: String::new(),
        value: value.clone(),
        origin: Origin::Variable,
    });
    options.collect()
}

/// `NAME=value`, which may be exported and quoted; a value that a shell would work out is none.
fn assignment(line: &str) -> Option<(&str, String)> {
    let line = line.strip_prefix("export ").unwrap_or(line).trim();
    let (name, value) = line.split_once('=')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    let bare = value.split_once(" #").map_or(value, |(before, _)| before).trim();
    let text = quoted('\'').or_else(|| quoted('"')).unwrap_or(bare);
    let is_literal = quoted('\'').is_some() || !text.contains(['$', '`']);
    (is_name && is_literal).then(|| (name, text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simple_lines_of_a_script_count_where_the_environment_says_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("env.conf");
        let script = "# a comment\nNODE_PORT=1234\nexport NODENAME=\"rabbit@here\"  \nRABBITMQ_DEFAULT_USER='j$ne'\n\
                      DEFAULT_VHOST=shop # why\nMNESIA_BASE=$HOME/data\nif true; then\n";
        std::fs::write(&path, script).unwrap();
        let variables = [
            ("RABBITMQ_CONF_ENV_FILE".to_owned(), path.display().to_string()),
            ("RABBITMQ_NODENAME".to_owned(), "rabbit@there".to_owned()),
        ];
        let environment = Environment::of(variables).with_etc(directory.path());
        let value = |name: &str| environment.variable(name).unwrap_or_default();
        assert_eq!(value("RABBITMQ_NODE_PORT"), "1234");
        assert_eq!(value("RABBITMQ_NODENAME"), "rabbit@there");
        assert_eq!(value("RABBITMQ_DEFAULT_USER"), "j$ne");
        assert_eq!(value("RABBITMQ_DEFAULT_VHOST"), "shop");
        assert_eq!(environment.not_understood, ["MNESIA_BASE=$HOME/data", "if true; then"]);
        assert!(environment.given.iter().any(|given| given.name == "RABBITMQ_NODE_PORT"));
    }

    #[test]
    fn variables_that_nobody_knows_are_told_apart_from_those_that_change_nothing() {
        let names = [
            "RABBITMQ_ERLANG_COOKIE",
            "RABBITMQ_PORT_5672_TCP_ADDR",
            "LEVERET_HERTBEAT",
            "RABBITMQ_NODENAME",
            "HOME",
        ];
        let environment = Environment::of(names.map(|name| (name.to_owned(), "x".to_owned())));
        assert_eq!(environment.inert(), ["RABBITMQ_ERLANG_COOKIE"]);
        assert_eq!(environment.unused(), ["LEVERET_HERTBEAT", "RABBITMQ_PORT_5672_TCP_ADDR"]);
    }
}
