//! Which part of the broker speaks for which of RabbitMQ's categories: one table.

use tracing::Level;

use crate::config::Category;

/// Modules, by the beginning of their path; the first that fits counts.
const SPEAKERS: &[(&str, Category)] = &[
    ("leveret_core::amqp::channels", Category::Channel),
    ("leveret_core::amqp::late", Category::Channel),
    ("leveret_core::amqp", Category::Connection),
    ("leveret_core::model::dead_letter", Category::Queue),
    ("leveret_core::model::queue", Category::Queue),
    ("leveret::journal", Category::Connection),
    ("leveret::listener", Category::Connection),
    ("leveret::session", Category::Connection),
    ("leveret::tls", Category::Connection),
];

/// The category of what the module of this path says.
pub fn of(module: &str) -> Option<Category> {
    SPEAKERS.iter().find(|(path, _)| is_within(module, path)).map(|(_, category)| *category)
}

fn is_within(module: &str, path: &str) -> bool {
    module.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// RabbitMQ's name of what the module of this path speaks for.
pub fn domain(module: &str) -> &'static str {
    match of(module) {
        None => "rabbitmq",
        Some(Category::Connection) => "rabbitmq.connection",
        Some(Category::Channel) => "rabbitmq.channel",
        Some(Category::Queue) => "rabbitmq.queue",
        Some(Category::Federation) => "rabbitmq.federation",
        Some(Category::Upgrade) => "rabbitmq.upgrade",
    }
}

/// RabbitMQ's name of a level.
pub fn level_name(level: Level) -> &'static str {
    match level {
        Level::TRACE | Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warning",
        Level::ERROR => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_speaks_for_the_category_that_fits_it_best() {
        let table = [
            ("leveret_core::amqp::channels", Some(Category::Channel)),
            ("leveret_core::amqp::channels::inner", Some(Category::Channel)),
            ("leveret_core::amqp::channelsx", Some(Category::Connection)),
            ("leveret_core::amqp", Some(Category::Connection)),
            ("leveret_core::amqpx", None),
            ("leveret::cli::serve", None),
        ];
        for (module, expected) in table {
            assert_eq!(of(module), expected, "{module}");
        }
    }

    #[test]
    fn every_speaker_is_a_module_that_there_is() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for (module, _) in SPEAKERS {
            let (package, path) = module.split_once("::").unwrap();
            let sources = match package {
                "leveret" => root.join("src"),
                other => root.join("crates").join(other.trim_start_matches("leveret_")).join("src"),
            };
            let file = sources.join(path.replace("::", "/"));
            assert!(file.with_extension("rs").is_file() || file.join("mod.rs").is_file(), "{module}");
        }
    }
}
