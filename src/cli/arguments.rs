//! The flags of `leveret serve`, made from the table of options.
//!
//! Written against clap's traits instead of its derive, so that an option is declared in one place only.

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, ArgMatches};

use crate::config::{Flag, Given, Origin, Setting, settings};

/// What the command line gave, in order of the table.
#[derive(Clone, Debug, Default)]
pub struct Serve {
    /// Ready to be resolved with the other sources.
    pub given: Vec<Given>,
}

impl clap::Args for Serve {
    fn augment_args(command: clap::Command) -> clap::Command {
        let flags = settings().filter_map(|setting| Some(argument(setting, setting.flag?)));
        command.args(flags).after_help(after_help())
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Serve {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut serve = Self::default();
        serve.update_from_arg_matches(matches)?;
        Ok(serve)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for flag in settings().filter_map(|setting| setting.flag) {
            let name = flag.name();
            let values: Vec<String> = match flag {
                Flag::Switch { .. } if matches.get_flag(name) => vec!["true".to_owned()],
                Flag::Switch { .. } => Vec::new(),
                Flag::Value { .. } | Flag::Values { .. } => {
                    matches.get_many::<String>(name).into_iter().flatten().cloned().collect()
                }
            };
            self.given.extend(values.into_iter().map(|value| Given {
                name: name.to_owned(),
                part: String::new(),
                value,
                origin: Origin::Flag,
            }));
        }
        Ok(())
    }
}

fn argument(setting: &'static Setting, flag: Flag) -> Arg {
    let argument = Arg::new(flag.name()).long(flag.name()).help(help(setting));
    match flag {
        Flag::Value { value, .. } => argument.value_name(value).action(ArgAction::Set),
        Flag::Values { value, .. } => argument.value_name(value).action(ArgAction::Append),
        Flag::Switch { .. } => argument.action(ArgAction::SetTrue),
    }
}

/// The sentence, then where else the option can be given.
fn help(setting: &Setting) -> StyledStr {
    let mut sources: Vec<String> = setting.environment.iter().rev().map(|name| format!("${name}")).collect();
    sources.extend(setting.keys.iter().map(|key| (*key).to_owned()));
    let sources = if sources.is_empty() { String::new() } else { format!(" [also: {}]", sources.join(", ")) };
    format!("{} [default: {}]{sources}", setting.help, setting.default).into()
}

/// The options that have no flag.
fn after_help() -> StyledStr {
    let without_flag = settings().filter(|setting| setting.flag.is_none());
    let list: Vec<String> = without_flag.map(paragraph).collect();
    format!(
        "Set in the environment or in the file only:\n{}\n\n\
         A flag wins over the environment, the environment over the file, the file over the default.",
        list.join("\n")
    )
    .into()
}

fn paragraph(setting: &Setting) -> String {
    let names: Vec<&str> = setting.keys.iter().chain(setting.environment).copied().collect();
    format!("  {}\n          {} [default: {}]", names.join(", "), setting.help, setting.default)
}
