//! The table of commands: everything that is known of one is said in its row.
//!
//! The rows stand with the code that does their work, a file for each matter; this file has their type and their
//! sum. The help, the refusals of wrong arguments, the completions and docs/ctl.md are made from it.

use super::call::Call;
use super::exit::Failure;
use super::format::Output;
use super::listing::Listing;
use super::tool::Tool;
use super::words::{GENERAL, Opt, Words};

/// A part of a command's work.
pub type Step<T> = for<'a, 'b> fn(&'a Call<'b>) -> Result<T, Failure>;

/// One command.
#[derive(Debug)]
pub struct Command {
    /// What it is called.
    pub name: &'static str,
    /// The tools that have it, besides `leveret ctl`, which has all.
    pub tools: &'static [Tool],
    /// Below which heading the help has it.
    pub topic: Topic,
    /// One sentence.
    pub summary: &'static str,
    /// Its arguments and options as the usage line shows them.
    pub usage: &'static str,
    /// The fewest and the most arguments.
    pub arguments: (usize, usize),
    /// Its options besides the general ones.
    pub options: &'static [Opt],
    /// Looks at the arguments before anything is said or asked.
    pub validate: Option<Step<()>>,
    /// What it says before it starts, unless it is to be quiet.
    pub banner: Option<Step<String>>,
    /// What it does.
    pub action: Action,
}

/// What a command does.
#[derive(Debug)]
pub enum Action {
    /// Asks for rows and shows the columns that were asked for.
    List(&'static Listing),
    /// Anything else.
    Do(Step<Output>),
}

/// The help's headings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Help and versions.
    Help,
    /// The node's life.
    Nodes,
    /// What concerns several nodes.
    Cluster,
    /// Users.
    Users,
    /// Who may do what.
    Access,
    /// Looking on.
    Monitoring,
    /// Runtime parameters.
    Parameters,
    /// Policies.
    Policies,
    /// Virtual hosts.
    Vhosts,
    /// Queues.
    Queues,
    /// Operations.
    Operations,
    /// Feature flags.
    Flags,
    /// Settings.
    Configuration,
    /// Definitions.
    Definitions,
    /// Plugins.
    Plugins,
    /// What does nothing any more.
    Deprecated,
}

impl Topic {
    /// In the help's order.
    pub const ALL: [Self; 16] = [
        Self::Help,
        Self::Nodes,
        Self::Cluster,
        Self::Users,
        Self::Access,
        Self::Monitoring,
        Self::Parameters,
        Self::Policies,
        Self::Vhosts,
        Self::Queues,
        Self::Operations,
        Self::Flags,
        Self::Configuration,
        Self::Definitions,
        Self::Plugins,
        Self::Deprecated,
    ];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Help => "Help",
            Self::Nodes => "Nodes",
            Self::Cluster => "Cluster",
            Self::Users => "Users",
            Self::Access => "Access Control",
            Self::Monitoring => "Monitoring, observability and health checks",
            Self::Parameters => "Parameters",
            Self::Policies => "Policies",
            Self::Vhosts => "Virtual hosts",
            Self::Queues => "Queues",
            Self::Operations => "Operations",
            Self::Flags => "Feature flags",
            Self::Configuration => "Configuration and Environment",
            Self::Definitions => "Definitions",
            Self::Plugins => "Plugin Management",
            Self::Deprecated => "Deprecated",
        }
    }
}

/// The tools that most commands belong to.
pub const CTL: &[Tool] = &[Tool::Ctl];
/// Commands that look and change nothing.
pub const BOTH: &[Tool] = &[Tool::Ctl, Tool::Diagnostics];
/// Commands of `rabbitmq-diagnostics` alone.
pub const DIAGNOSTICS: &[Tool] = &[Tool::Diagnostics];

/// A row with nothing in it, to be filled with `..`.
pub const NONE: Command = Command {
    name: "",
    tools: CTL,
    topic: Topic::Help,
    summary: "",
    usage: "",
    arguments: (0, 0),
    options: &[],
    validate: None,
    banner: None,
    action: Action::Do(|_| Ok(Output::Done)),
};

/// Every command of `tool`.
pub fn of(tool: Tool) -> impl Iterator<Item = &'static Command> {
    all().filter(move |command| tool == Tool::Own || command.tools.contains(&tool))
}

/// Every command.
pub fn all() -> impl Iterator<Item = &'static Command> {
    super::TABLES.iter().flat_map(|table| table.iter())
}

impl Command {
    /// Refuses a wrong number of arguments.
    pub fn check(&self, words: &Words) -> Result<(), Failure> {
        words.check()?;
        let (fewest, most) = self.arguments;
        match words.plain.len() {
            given if given < fewest => Err(Failure::usage("not enough arguments.")),
            given if most < given => Err(Failure::usage("too many arguments.")),
            _ => Ok(()),
        }
    }

    /// How it is called.
    pub fn usage_line(&self, tool: Tool) -> String {
        let line =
            format!("{} [--node <node>] [--longnames] [--quiet] {} {}", tool.name(), self.name, self.usage);
        line.trim_end().to_owned()
    }

    /// All options it takes.
    pub fn known_options(&self) -> [&'static [Opt]; 2] {
        [self.options, GENERAL]
    }
}
