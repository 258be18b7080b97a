//! The options of the log: how much it says of what, and in which form.
//!
//! RabbitMQ's categories are the unit: each has a level of its own or the default one.

use tracing::level_filters::LevelFilter;

use super::Given;
use super::Plan;
use super::options::{Flag, Refused, Setting, each, one, put};

/// See [`super::options::settings`].
pub const LOG_SETTINGS: &[Setting] = &[
    Setting {
        flag: Some(Flag::Value { name: "log", value: "LEVEL" }),
        environment: &["RABBITMQ_LOG", "LEVERET_LOG"],
        keys: &[
            "log.level",
            "log.default.level",
            "log.console.level",
            "log.connection.level",
            "log.channel.level",
            "log.queue.level",
            "log.federation.level",
            "log.upgrade.level",
        ],
        default: "info",
        help: "How much is logged: trace, debug, info, warning, error or none; a category can have a level of its own, as in `info,connection=warning`",
        set: set_levels,
    },
    Setting {
        flag: Some(Flag::Value { name: "log-format", value: "text|json" }),
        environment: &["LEVERET_LOG_FORMAT"],
        keys: &["log.console.formatter"],
        default: "text",
        help: "Whether the log is lines of text or a JSON object a line; `plaintext` is `text`",
        set: |plan, given| one(given, |text| put(&mut plan.log_format, LogFormat::parse(text))),
    },
];

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLevel(pub LevelFilter);

impl LogLevel {
    /// RabbitMQ's names of levels, and tracing's.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(match text.to_ascii_lowercase().as_str() {
            "trace" => LevelFilter::TRACE,
            "debug" => LevelFilter::DEBUG,
            "info" => LevelFilter::INFO,
            // Between info and warning for RabbitMQ, which tracing has no name for.
            "notice" | "warning" | "warn" => LevelFilter::WARN,
            "error" | "critical" | "alert" | "emergency" => LevelFilter::ERROR,
            "none" | "off" => LevelFilter::OFF,
            _ => {
                return Err(format!(
                    "expected `trace`, `debug`, `info`, `warning`, `error` or `none`, found `{text}`"
                ));
            }
        }))
    }
}

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// RabbitMQ's plain text.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

impl LogFormat {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "text" | "plaintext" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("expected `text` or `json`, found `{text}`")),
        }
    }
}

/// What a line is about, in RabbitMQ's words. Nothing here is of federation or of an upgrade yet: a level for
/// them is kept and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Who comes, as whom, and how it ends.
    Connection,
    /// Channels that are closed for a client's mistake.
    Channel,
    /// Queues and their messages.
    Queue,
    /// Links to other brokers.
    Federation,
    /// Data of older versions.
    Upgrade,
}

impl Category {
    const NAMES: [(&str, Self); 5] = [
        ("connection", Self::Connection),
        ("channel", Self::Channel),
        ("queue", Self::Queue),
        ("federation", Self::Federation),
        ("upgrade", Self::Upgrade),
    ];

    /// The category of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(candidate, _)| *candidate == name).map(|(_, category)| *category)
    }
}

/// What levels were asked for: the default, where it was, and those of categories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// For whatever has none of its own.
    pub default: Option<LogLevel>,
    /// Of single categories, in order; a later one counts.
    pub categories: Vec<(Category, LogLevel)>,
}

impl Asked {
    /// `debug`, `connection=warning`, or several of these with commas between them. Words that begin with a sign
    /// are RabbitMQ's for the looks of its log (`+color`) and mean nothing here.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut asked = Self::default();
        let words = text.split(',').map(str::trim);
        for word in words.filter(|word| !word.starts_with(['+', '-'])) {
            match word.split_once('=') {
                Some(("default", level)) => asked.default = Some(LogLevel::parse(level)?),
                Some((name, level)) => asked.categories.push((category(name)?, LogLevel::parse(level)?)),
                None => asked.default = Some(LogLevel::parse(word)?),
            }
        }
        Ok(asked)
    }
}

fn category(name: &str) -> Result<Category, String> {
    Category::named(name).ok_or_else(|| {
        let names = Category::NAMES.map(|(name, _)| format!("`{name}`")).join(", ");
        format!("expected a category of the log, which is one of {names} or `default`, found `{name}`")
    })
}

/// In the file each has a line of its own.
fn set_levels(plan: &mut Plan, given: &[Given]) -> Result<(), Refused> {
    each(given, |given| {
        let of_key = given.name.strip_prefix("log.").and_then(|rest| rest.strip_suffix(".level"));
        let asked = match of_key.and_then(Category::named) {
            Some(category) => {
                Asked { default: None, categories: vec![(category, LogLevel::parse(&given.value)?)] }
            }
            None => Asked::parse(&given.value)?,
        };
        plan.log = asked.default.unwrap_or(plan.log);
        plan.log_levels.extend(asked.categories);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_given_for_all_or_by_category() {
        let asked = Asked::parse("warning, connection=debug,queue=none,+color").unwrap();
        assert_eq!(asked.default, Some(LogLevel(LevelFilter::WARN)));
        assert_eq!(
            asked.categories,
            [
                (Category::Connection, LogLevel(LevelFilter::DEBUG)),
                (Category::Queue, LogLevel(LevelFilter::OFF))
            ]
        );
        assert_eq!(Asked::parse("channel=error").unwrap().default, None);
    }

    #[test]
    fn a_level_or_a_category_that_is_none_is_refused_with_those_that_are() {
        let table = [
            ("loud", "expected `trace`, `debug`"),
            ("connection=loud", "found `loud`"),
            ("", "found ``"),
            ("raft=debug", "one of `connection`, `channel`, `queue`, `federation`, `upgrade` or `default`"),
        ];
        for (text, expected) in table {
            let refused = Asked::parse(text).unwrap_err();
            assert!(refused.contains(expected), "{text}: {refused}");
        }
    }
}
