//! The environment as a source of options.
//!
//! Taken once, as a value: nothing reads the process environment later, so tests pass their own.

use super::options::settings;
use super::{Given, Origin};

/// The variables of the process.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: Vec<(String, String)>,
    /// Those that are options.
    pub given: Vec<Given>,
}

impl Environment {
    /// The process's own. A variable whose value is not Unicode can be no option and is left out.
    pub fn of_process() -> Self {
        let unicode = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::of(unicode)
    }

    /// These variables. An empty one counts as not set, as container tools pass them on so.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: Vec<_> = variables.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let is_option = |name: &str| settings().any(|setting| setting.environment.contains(&name));
        let given = variables.iter().filter(|(name, _)| is_option(name)).map(|(name, value)| Given {
            name: name.clone(),
            part: String::new(),
            value: value.clone(),
            origin: Origin::Variable,
        });
        Self { given: given.collect(), variables }
    }

    /// One variable, for `$(NAME)` in a file.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.clone())
    }

    /// Variables of leveret and RabbitMQ that are not served. They do not stop the start, since a container's
    /// environment is full of them (node names, cookies, addresses of linked services).
    pub fn unused(&self) -> Vec<String> {
        let options = |name: &str| self.given.iter().any(|given| given.name == name);
        let mut unused: Vec<String> = (self.variables.iter().map(|(name, _)| name))
            .filter(|name| name.starts_with("LEVERET_") || name.starts_with("RABBITMQ_"))
            .filter(|name| !options(name))
            .cloned()
            .collect();
        unused.sort();
        unused
    }
}
