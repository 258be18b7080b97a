//! What this broker would make of a definitions file: it is applied to a broker of its own, which keeps nothing and serves
//! nobody, and every refusal is told instead of the first.

use std::sync::Arc;

use leveret_core::model::{Broker, BrokerSettings};
use leveret_core::{Effects, NoStore, Timestamp};

use super::apply::{self, Recipient, Steps};
use super::document::Document;
use super::report::ApplyReport;
use super::{DefinitionsError, seed_broker, source};
use crate::settings::Seed;

/// What became of each thing in a file.
#[derive(Clone, Debug, Default)]
pub struct DefinitionsReview {
    /// How many of each list would be as the file says; lists of which none would be are not here.
    pub served: Vec<(&'static str, usize)>,
    /// Where something would be refused (`queues[3]`), and why.
    pub refused: Vec<(String, String)>,
    /// What would be left, or taken without acting on it.
    pub report: ApplyReport,
    /// Keys that nothing here knows, by their places.
    pub unknown: Vec<String>,
}

/// Reads an export of a whole broker or of a virtual host and says what would become of it on an empty broker.
pub fn review_definitions(origin: &str, text: &str) -> Result<DefinitionsReview, DefinitionsError> {
    let core = Broker::new(BrokerSettings::default(), [0; 32], Arc::new(NoStore));
    let (document, unknown) = match single(text) {
        Some(vhost) => {
            core.add_vhost(&vhost);
            Document::parse_for(text, &vhost)
        }
        None => Document::parse(text),
    }
    .map_err(|error| DefinitionsError::Malformed { origin: origin.to_owned(), error })?;
    let source = source(origin.to_owned(), Ok((document, Vec::new())))?;
    seed_broker(&core, std::slice::from_ref(&source), &Seed::default())?;
    let mut effects = Effects::default();
    let mut recipient = Recipient { core: &core, now: Timestamp::default(), effects: &mut effects };
    let mut steps = Steps { refused: Some(Vec::new()), ..Steps::new(origin) };
    apply::document(&mut recipient, &source.document, &mut steps)?;
    let Steps { report, served, refused, .. } = steps;
    Ok(DefinitionsReview { served, refused: refused.unwrap_or_default(), report, unknown })
}

/// The virtual host of an export of one.
fn single(text: &str) -> Option<String> {
    let text = text.trim_start_matches('\u{feff}');
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let is_single = value.get("rabbitmq_definition_format")? == "single_virtual_host";
    is_single
        .then(|| value.get("original_vhost_name").and_then(|name| name.as_str()).unwrap_or("/").to_owned())
}
