//! Creates what a document describes, in RabbitMQ's order: users, virtual hosts, permissions, exchanges,
//! queues, bindings.
//!
//! Entities that are there already stay as they are, even when they differ; users and permissions are
//! replaced. Names beginning with `amq.` are skipped with a line in the log, as RabbitMQ does.

use std::sync::Arc;

use bytes::Bytes;
use leveret_core::Refusal;
use leveret_core::model::{
    BindingSpec, Broker, ExchangeKind, ExchangeSpec, HashingAlgorithm, PasswordHash, Permissions, QueueSpec,
    Target, User, Vhost,
};

use super::document::{self, Destination};
use super::{DefinitionsError, Source, table};
use crate::settings::Seed;

/// Why one entity was refused, before its place is known.
type Reason = String;

/// The user of an empty broker, with its permissions.
pub fn first_user(core: &Broker, seed: &Seed) -> Result<(), getrandom::Error> {
    tracing::info!("Will seed default virtual host '{}' and user '{}'", seed.vhost, seed.user);
    let mut user = User::new(&seed.user, PasswordHash::of(&seed.password, salt()?), seed.tags.clone());
    let crate::settings::Permissions { configure, write, read } = &seed.permissions;
    user.set_permissions(&seed.vhost, Permissions::new(configure, write, read));
    core.put_user(user);
    Ok(())
}

fn salt() -> Result<[u8; 4], getrandom::Error> {
    let mut salt = [0; 4];
    getrandom::fill(&mut salt)?;
    Ok(salt)
}

/// Everything of one document.
pub fn document(core: &Broker, source: &Source) -> Result<(), DefinitionsError> {
    let document = &source.document;
    each(source, "users", &document.users, |user| {
        core.put_user(new_user(user, document.rabbit_version.as_deref())?);
        Ok(())
    })?;
    for vhost in &document.vhosts {
        core.add_vhost(&vhost.name);
    }
    each(source, "permissions", &document.permissions, |row| permit(core, row))?;
    each(source, "exchanges", &document.exchanges, |exchange| declare_exchange(core, exchange))?;
    each(source, "queues", &document.queues, |queue| declare_queue(core, queue))?;
    each(source, "bindings", &document.bindings, |binding| bind(core, binding))
}

/// Does `create` with every item and tells where it failed.
fn each<T>(
    source: &Source,
    list: &str,
    items: &[T],
    mut create: impl FnMut(&T) -> Result<(), Reason>,
) -> Result<(), DefinitionsError> {
    items.iter().enumerate().try_for_each(|(at, item)| {
        create(item).map_err(|reason| DefinitionsError::Refused {
            origin: source.origin.clone(),
            place: format!("{list}[{at}]"),
            reason,
        })
    })
}

fn new_user(user: &document::User, version: Option<&str>) -> Result<User, Reason> {
    let password = match (&user.password, &user.password_hash) {
        (Some(_), Some(_)) => {
            return Err(format!("user '{}' has a password and a hash: give one of them", user.name));
        }
        (Some(password), None) => {
            let salt = salt().map_err(|error| format!("no random numbers for the salt: {error}"))?;
            PasswordHash::of(password, salt)
        }
        (None, Some(hash)) => {
            let algorithm = algorithm(user.hashing_algorithm.as_deref(), version)
                .ok_or_else(|| format!("the hashing algorithm of user '{}' is unknown", user.name))?;
            PasswordHash::from_base64(hash, algorithm)
                .ok_or_else(|| format!("the password hash of user '{}' is not in base64", user.name))?
        }
        (None, None) => PasswordHash::default(),
    };
    Ok(User::new(&user.name, password, user.tags.clone()))
}

/// A hash without an algorithm is SHA-256, but MD5 if it was exported by RabbitMQ 3.5 or before.
fn algorithm(name: Option<&str>, version: Option<&str>) -> Option<HashingAlgorithm> {
    let is_old = |version: &str| {
        let mut numbers = version.split('.').map(str::parse::<u32>);
        matches!((numbers.next(), numbers.next()), (Some(Ok(3)), Some(Ok(0..=5))))
    };
    match name {
        Some(name) => HashingAlgorithm::parse(name),
        None if version.is_some_and(is_old) => Some(HashingAlgorithm::Md5),
        None => Some(HashingAlgorithm::Sha256),
    }
}

fn permit(core: &Broker, row: &document::Permission) -> Result<(), Reason> {
    vhost(core, &row.vhost)?;
    let permissions = Permissions::new(&row.configure, &row.write, &row.read);
    if core.set_permissions(&row.user, &row.vhost, permissions) {
        Ok(())
    } else {
        Err(format!("there is no user '{}': add it to users", row.user))
    }
}

fn vhost(core: &Broker, name: &str) -> Result<Arc<Vhost>, Reason> {
    core.vhost(name).ok_or_else(|| format!("there is no vhost '{name}': add it to vhosts"))
}

/// Predeclared and generated names are the broker's own.
fn is_reserved(what: &str, name: &str) -> bool {
    let is_reserved = name.is_empty() || name.starts_with("amq.");
    if is_reserved {
        tracing::warn!("skipped the {what} '{name}': its name is reserved");
    }
    is_reserved
}

fn declare_exchange(core: &Broker, exchange: &document::Exchange) -> Result<(), Reason> {
    let vhost = vhost(core, &exchange.vhost)?;
    if is_reserved("exchange", &exchange.name) || vhost.exchange(&exchange.name).is_some() {
        return Ok(());
    }
    let kind = ExchangeKind::parse(&exchange.kind).ok_or_else(|| {
        format!("exchange '{}' has the type '{}', which is not served", exchange.name, exchange.kind)
    })?;
    let spec = ExchangeSpec {
        name: exchange.name.clone(),
        kind,
        durable: exchange.durable,
        auto_delete: exchange.auto_delete,
        internal: exchange.internal,
        arguments: table::of(&exchange.arguments)?,
        holder: (kind == ExchangeKind::Delayed).then(|| core.next_queue_id()),
    };
    vhost.declare_exchange(spec).map(drop).map_err(reason)
}

fn declare_queue(core: &Broker, queue: &document::Queue) -> Result<(), Reason> {
    let vhost = vhost(core, &queue.vhost)?;
    if is_reserved("queue", &queue.name) || vhost.queue(&queue.name).is_ok() {
        return Ok(());
    }
    let mut arguments = queue.arguments.clone();
    if let Some(kind) = &queue.kind {
        // Exports since 3.10 name the type beside the arguments, which then may lack it.
        arguments.entry("x-queue-type").or_insert_with(|| kind.clone().into());
    }
    let spec = QueueSpec {
        name: queue.name.clone(),
        durable: queue.durable,
        auto_delete: queue.auto_delete,
        owner: None,
        arguments: table::of(&arguments)?,
    };
    vhost.declare_queue(core.next_queue_id(), spec).map(drop).map_err(reason)
}

fn bind(core: &Broker, binding: &document::Binding) -> Result<(), Reason> {
    let vhost = vhost(core, &binding.vhost)?;
    let destination = match binding.destination_type {
        Destination::Queue => Target::Queue(vhost.queue(&binding.destination).map_err(reason)?),
        Destination::Exchange => Target::Exchange(binding.destination.clone()),
    };
    let spec = BindingSpec {
        source: binding.source.clone(),
        destination,
        routing_key: Bytes::copy_from_slice(binding.routing_key.as_bytes()),
        arguments: table::of(&binding.arguments)?,
    };
    vhost.bind(spec).map(drop).map_err(reason)
}

/// RabbitMQ's text says what is wrong; the code in front of it is for clients.
fn reason(refusal: Refusal) -> Reason {
    refusal.text.into_owned()
}
