//! How much is logged of what, also while the broker runs.
//!
//! What is not wanted costs a look at a flag: every place that speaks is asked once whether it is wanted, and once
//! more when the levels change. A connection's span is kept at any level but none, since a warning must say whose it
//! is.

use leveret::Hooks;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::{Registry, reload};

use super::category;
use crate::config::{Asked, Category, LogLevel};

/// The levels that are in force.
#[derive(Clone, Debug)]
pub struct Levels {
    default: LevelFilter,
    /// A later one counts.
    categories: Vec<(Category, LevelFilter)>,
}

/// Changes the levels of a log that is in use.
#[derive(Clone)]
pub struct Switch(reload::Handle<Levels, Registry>);

/// Levels, and what changes them.
pub fn switched(levels: Levels) -> (reload::Layer<Levels, Registry>, Switch) {
    let (layer, handle) = reload::Layer::new(levels);
    (layer, Switch(handle))
}

impl Levels {
    /// The default, and those of categories.
    pub fn new(LogLevel(default): LogLevel, categories: &[(Category, LogLevel)]) -> Self {
        let categories = categories.iter().map(|(category, LogLevel(level))| (*category, *level));
        Self { default, categories: categories.collect() }
    }

    /// A new default leaves categories their own levels, as it is with `rabbitmqctl set_log_level`.
    fn change(&mut self, asked: &Asked) {
        if let Some(LogLevel(level)) = asked.default {
            self.default = level;
        }
        for (category, LogLevel(level)) in &asked.categories {
            self.categories.retain(|(other, _)| other != category);
            self.categories.push((*category, *level));
        }
    }

    fn of(&self, module: &str) -> LevelFilter {
        let category = category::of(module);
        let own = self.categories.iter().rev().find(|(candidate, _)| Some(*candidate) == category);
        own.map_or(self.default, |(_, level)| *level)
    }

    /// The most that any part of the broker logs.
    fn most(&self) -> LevelFilter {
        let categories = self.categories.iter().map(|(_, level)| *level);
        categories.chain([self.default]).max().unwrap_or(LevelFilter::OFF)
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let level = if metadata.is_span() { self.of_spans() } else { self.of(metadata.target()) };
        *metadata.level() <= level
    }

    fn of_spans(&self) -> LevelFilter {
        match self.most() {
            LevelFilter::OFF => LevelFilter::OFF,
            most => most.max(LevelFilter::INFO),
        }
    }
}

impl<S: Subscriber> tracing_subscriber::Layer<S> for Levels {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.of_spans())
    }
}

impl Hooks for Switch {
    fn set_log_level(&self, level: &str) -> Result<(), String> {
        let asked = Asked::parse(level)?;
        self.0.modify(|levels| levels.change(&asked)).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn a_category_has_its_own_level_or_the_default_one() {
        let levels = Levels::new(
            LogLevel(LevelFilter::WARN),
            &[
                (Category::Channel, LogLevel(LevelFilter::OFF)),
                (Category::Channel, LogLevel(LevelFilter::DEBUG)),
            ],
        );
        assert_eq!(levels.of("leveret_core::amqp::channels"), LevelFilter::DEBUG);
        assert_eq!(levels.of("leveret::session"), LevelFilter::WARN);
        assert_eq!(levels.most(), LevelFilter::DEBUG);
    }

    /// Counts what comes through.
    #[derive(Default)]
    struct Count(std::sync::Arc<AtomicUsize>);

    impl<S: Subscriber> tracing_subscriber::Layer<S> for Count {
        fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn levels_change_while_the_log_is_in_use() {
        let (layer, switch) = switched(Levels::new(LogLevel(LevelFilter::INFO), &[]));
        let count = Count::default();
        let seen = count.0.clone();
        let speak = || {
            tracing::debug!("of no category");
            tracing::debug!(target: "leveret_core::amqp::channels", "of a channel");
            seen.swap(0, Ordering::Relaxed)
        };
        with_default(tracing_subscriber::registry().with(layer).with(count), || {
            assert_eq!(speak(), 0);
            switch.set_log_level("channel=debug").unwrap();
            assert_eq!(speak(), 1);
            switch.set_log_level("debug").unwrap();
            assert_eq!(speak(), 2);
            switch.set_log_level("none,channel=debug").unwrap();
            assert_eq!(speak(), 1);
            assert!(switch.set_log_level("loud").is_err());
            assert_eq!(speak(), 1);
            switch.set_log_level("info").unwrap();
            assert_eq!(speak(), 1);
            switch.set_log_level("channel=info").unwrap();
            assert_eq!(speak(), 0);
        });
    }

    #[test]
    fn a_span_is_kept_at_any_level_but_none() {
        for (level, expected) in [
            (LevelFilter::OFF, LevelFilter::OFF),
            (LevelFilter::ERROR, LevelFilter::INFO),
            (LevelFilter::DEBUG, LevelFilter::DEBUG),
        ] {
            assert_eq!(Levels::new(LogLevel(level), &[]).of_spans(), expected);
        }
    }
}
