//! definitions.json: what an operator wants to be there when the first client comes.
//!
//! Files are merged in order; nothing is deleted. What a file asks for is created or the start is refused,
//! naming the file and the place in it: a file that needs what is not served does not start a broker that would act
//! otherwise.

mod apply;
mod difference;
mod document;
mod export;
mod layout;
pub mod parameters;
mod policies;
mod report;
mod review;
mod rows;
pub mod table;
mod unchanged;
mod unserved;
mod users;
mod vhosts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use leveret_core::model::Broker;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::settings::Seed;
pub use apply::Recipient;
use apply::Steps;
use document::{Document, Malformed};
pub use export::export;
pub use report::ApplyReport;
pub use review::{DefinitionsReview, review_definitions};

/// Where definitions come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Definitions {
    /// A file, or a directory whose files are taken in the order of their names.
    File(PathBuf),
    /// The content of such a file.
    Value(Value),
}

impl From<PathBuf> for Definitions {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for Definitions {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<Value> for Definitions {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

/// Why definitions were refused.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionsError {
    /// A file or directory that cannot be read.
    #[error("cannot read the definitions {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Text that is no definitions file, at a place in it.
    #[error("{origin}: {error}")]
    Malformed {
        /// The file.
        origin: String,
        /// Where in it and why.
        error: Malformed,
    },
    /// Something that this version does not have.
    #[error("{origin}: this version of leveret does not serve {}", what.join(", "))]
    NotServed {
        /// The file.
        origin: String,
        /// What it asks for, by place and name.
        what: Vec<String>,
    },
    /// Neither a salt for the first user's password nor an identity.
    #[error("cannot get random numbers from the operating system: {0}")]
    Entropy(#[from] getrandom::Error),
    /// Something that cannot be created.
    #[error("{origin}: {place}: {reason}")]
    Refused {
        /// The file.
        origin: String,
        /// `queues[3]`.
        place: String,
        /// A sentence.
        reason: String,
    },
}

/// What definitions are called in messages that come from no file.
const GIVEN: &str = "definitions";

/// A document, and what to call it in messages.
struct Source {
    origin: String,
    document: Document,
}

/// What a start has to go by besides the definitions themselves.
pub struct Beginning<'a> {
    /// What a blank broker gets.
    pub seed: &'a Seed,
    /// Words about the whole; none leave them as they are.
    pub cluster_tags: &'a BTreeMap<String, String>,
    /// Whether definitions that were applied at an earlier start, and have not changed since, are left alone.
    pub skip_if_unchanged: bool,
}

/// Creates everything that `definitions` describe; a blank broker also gets its first user, unless they bring users.
pub fn apply(
    mut recipient: Recipient<'_>,
    definitions: &[Definitions],
    beginning: &Beginning<'_>,
) -> Result<ApplyReport, DefinitionsError> {
    let core = recipient.core;
    let mut sources = Vec::new();
    let mut hash = Sha256::new();
    for definitions in definitions {
        match definitions {
            Definitions::File(path) => {
                for file in files(path)? {
                    sources.push(read(&file, &mut hash)?);
                }
            }
            Definitions::Value(value) => {
                hash.update(value.to_string());
                sources.push(source(GIVEN.to_owned(), Document::from_value(value))?);
            }
        }
    }
    seed_broker(core, &sources, beginning.seed)?;
    parameters::seed(core, beginning.cluster_tags)?;
    let hash = unchanged::Hash::of(hash);
    let mut report = ApplyReport::default();
    if beginning.skip_if_unchanged && hash.is_known(core) {
        tracing::info!("Skipped the definitions: they are those of the last start that applied them");
        return Ok(report);
    }
    for source in &sources {
        report.extend(apply_source(&mut recipient, source)?);
    }
    if beginning.skip_if_unchanged && !sources.is_empty() {
        hash.keep(core);
    }
    Ok(report)
}

/// Creates everything that a document describes, while the broker runs.
pub fn import(recipient: &mut Recipient<'_>, text: &str) -> Result<ApplyReport, DefinitionsError> {
    let source = source(GIVEN.to_owned(), Document::parse(text))?;
    apply_source(recipient, &source)
}

/// Creates what a document describes, in this virtual host, whichever it names; users, virtual hosts and what else is of
/// the whole broker are left out.
pub fn import_into_vhost(
    recipient: &mut Recipient<'_>,
    vhost: &str,
    text: &str,
) -> Result<ApplyReport, DefinitionsError> {
    let no_vhost = |reason| DefinitionsError::Refused {
        origin: GIVEN.to_owned(),
        place: "top level".to_owned(),
        reason,
    };
    apply::vhost(recipient.core, vhost).map_err(no_vhost)?;
    let source = source(GIVEN.to_owned(), Document::parse_for(text, vhost))?;
    apply_source(recipient, &source)
}

fn apply_source(recipient: &mut Recipient<'_>, source: &Source) -> Result<ApplyReport, DefinitionsError> {
    unserved::check(source)?;
    match source.origin.as_str() {
        GIVEN => tracing::info!("Applying definitions that were given"),
        file => tracing::info!("Applying definitions from {file}"),
    }
    let mut steps = Steps::new(&source.origin);
    apply::document(recipient, &source.document, &mut steps)?;
    steps.report.log(&source.origin);
    Ok(steps.report)
}

/// RabbitMQ seeds neither user nor virtual host when definitions are configured; here the first user stays
/// away only if the definitions bring users, and the virtual host if they bring both.
fn seed_broker(core: &Broker, sources: &[Source], seed: &Seed) -> Result<(), DefinitionsError> {
    if !core.is_blank() {
        // Somebody can log in, so it has served before: whoever deleted the first user does not want it back (RabbitMQ, too).
        return Ok(());
    }
    let bring_users = sources.iter().any(|source| !source.document.users.is_empty());
    let bring_vhosts = sources.iter().any(|source| !source.document.vhosts.is_empty());
    if !(bring_users && bring_vhosts) {
        core.add_vhost(&seed.vhost);
    }
    if !bring_users {
        users::first_user(core, seed)?;
    } else if !sources.iter().any(|source| source.document.users.iter().any(|user| user.name == seed.user)) {
        tracing::info!(
            "Will not seed the default user '{}': the definitions bring their own users",
            seed.user
        );
    }
    Ok(())
}

fn files(path: &Path) -> Result<Vec<PathBuf>, DefinitionsError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |error| DefinitionsError::Unreadable { path: path.to_owned(), error };
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    let paths: std::io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut files: Vec<PathBuf> =
        paths.map_err(unreadable)?.into_iter().filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

fn read(path: &Path, hash: &mut Sha256) -> Result<Source, DefinitionsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| DefinitionsError::Unreadable { path: path.to_owned(), error })?;
    hash.update(&text);
    source(path.display().to_string(), Document::parse(&text))
}

fn source(
    origin: String,
    parsed: Result<(Document, Vec<String>), Malformed>,
) -> Result<Source, DefinitionsError> {
    match parsed {
        Ok((document, unknown)) => {
            if !unknown.is_empty() {
                tracing::warn!(
                    "{origin}: ignored what is no part of a definitions file: {}",
                    unknown.join(", ")
                );
            }
            Ok(Source { origin, document })
        }
        Err(error) => Err(DefinitionsError::Malformed { origin, error }),
    }
}

#[cfg(test)]
mod tests;
