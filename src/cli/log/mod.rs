//! The log of the process: what is traced becomes lines on standard output, in RabbitMQ's form.
//!
//! An event passes three places: [`levels`] decides whether it is wanted, [`layer`] makes a line of it
//! ([`text`] or [`json`]), and [`sink`] keeps the line until a thread of its own has written it.

mod category;
mod date;
mod fields;
mod json;
mod layer;
mod levels;
mod sink;
mod text;

use std::io::{self, IsTerminal as _};

use tracing_subscriber::layer::SubscriberExt as _;

use crate::config::{LogFormat, Plan};

use layer::Layer;
use levels::Levels;
pub use levels::Switch;
use sink::Sink;

/// The log, until it is dropped; that writes what still waits.
pub struct Log {
    /// Changes the levels while it runs.
    pub switch: Switch,
    layer: Layer,
    _sink: Sink,
}

impl Log {
    /// Sends what is traced from now on to standard output.
    pub fn to_stdout(plan: &Plan) -> Self {
        let output = io::stdout();
        let form = match plan.log_format {
            LogFormat::Json => Form::Json,
            LogFormat::Text => Form::Text { coloured: output.is_terminal() },
        };
        let sink = Sink::to(output);
        let layer = Layer { form, lines: sink.lines() };
        let (levels, switch) = levels::switched(Levels::new(plan.log, &plan.log_levels));
        let subscriber = tracing_subscriber::registry().with(levels).with(layer.clone());
        // Only one process-wide subscriber can be set; this is the first.
        let _ = tracing::subscriber::set_global_default(subscriber);
        Self { switch, layer, _sink: sink }
    }

    /// A line at whatever level: container tools wait for it.
    pub fn say(&self, sentence: &str) {
        self.layer.say(sentence);
    }
}

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// RabbitMQ's plain text, in colours on a terminal.
    Text { coloured: bool },
    /// An object a line.
    Json,
}
