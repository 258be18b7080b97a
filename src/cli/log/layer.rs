//! Makes a line of every event that the levels let through.
//!
//! A line of a connection says which, as RabbitMQ's says its process: `<0.7.0>` is the connection with number 7.
//! An object has all that is known of the connection besides.

use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::fields::{Fields, Value};
use super::sink::Lines;
use super::{Form, json, text};

/// The last layer: what comes here is written.
#[derive(Clone)]
pub struct Layer {
    /// How.
    pub form: Form,
    /// To where.
    pub lines: Lines,
}

impl Layer {
    /// A line that is of no event.
    pub fn say(&self, sentence: &str) {
        let fields = Fields { message: sentence.to_owned(), named: Vec::new() };
        let (at, span) = (SystemTime::now(), &SpanFields::default());
        self.write(&Line { at, level: Level::INFO, module: module_path!(), fields, span });
    }

    fn write(&self, line: &Line<'_>) {
        let written = match self.form {
            Form::Text { coloured } => text::written(line, coloured),
            Form::Json => json::written(line),
        };
        self.lines.add(written.as_bytes());
    }
}

/// An event with all that a line tells of it.
pub struct Line<'a> {
    /// When.
    pub at: SystemTime,
    /// How bad it is.
    pub level: Level,
    /// The path of the module that speaks.
    pub module: &'a str,
    /// What it says.
    pub fields: Fields,
    /// What it says it within.
    pub span: &'a SpanFields,
}

/// What is known of a span: kept for as long as a connection lives, so no more than its lines need.
#[derive(Debug, Default)]
pub struct SpanFields {
    /// The connection's number; 0 is none.
    pub id: u64,
    /// The rest, for objects only.
    pub named: Vec<(&'static str, Value)>,
}

impl Visit for SpanFields {
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "id" {
            self.id = value;
        }
    }
}

impl SpanFields {
    fn take(&mut self, form: Form, record: impl Fn(&mut dyn Visit)) {
        record(self);
        if form == Form::Json {
            let mut fields = Fields::default();
            record(&mut fields);
            self.named.extend(fields.named);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Layer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = SpanFields::default();
        fields.take(self.form, |visit| attributes.record(visit));
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(fields) = extensions.get_mut::<SpanFields>() {
            fields.take(self.form, |visit| record.record(visit));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let write = |span: &SpanFields| {
            let (at, level, module) = (SystemTime::now(), *metadata.level(), metadata.target());
            self.write(&Line { at, level, module, fields, span });
        };
        match context.event_span(event) {
            Some(span) => write(span.extensions().get().unwrap_or(&SpanFields::default())),
            None => write(&SpanFields::default()),
        }
    }
}
