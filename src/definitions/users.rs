//! Users of a document, and what they may do.
//!
//! A user that is there gets another password, other tags and, if the document says something of them, other limits;
//! what it may do stays, as long as no row says otherwise.

use leveret_core::model::{Broker, HashingAlgorithm, PasswordHash, Permissions, User};

use super::apply::{Reason, vhost};
use super::document::{self, TopicPermission};
use crate::limits::LimitsDocument;
use crate::settings::Seed;

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

/// Adds a user, or changes the one of that name.
pub fn put(core: &Broker, row: &document::User, version: Option<&str>) -> Result<(), Reason> {
    let user = new_user(row, version)?;
    let limits = row.limits.as_ref().map(LimitsDocument::of_user).transpose();
    let limits = limits.map_err(|error| format!("user '{}': {error}", row.name))?;
    core.put_user(user);
    if let Some(limits) = limits {
        core.change_user(&row.name, |user| user.limits = limits);
    }
    Ok(())
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

/// What a user may do in a virtual host.
pub fn permit(core: &Broker, row: &document::Permission) -> Result<(), Reason> {
    vhost(core, &row.vhost)?;
    let permissions = Permissions::new(&row.configure, &row.write, &row.read);
    if core.set_permissions(&row.user, &row.vhost, permissions) {
        Ok(())
    } else {
        Err(format!("there is no user '{}': add it to users", row.user))
    }
}

/// Which keys a user may use with an exchange.
pub fn permit_topics(core: &Broker, row: &TopicPermission) -> Result<(), Reason> {
    vhost(core, &row.vhost)?;
    let place = (row.vhost.as_str(), row.exchange.as_str());
    if core.change_user(&row.user, |user| user.set_topic_permissions(place, &row.write, &row.read)) {
        Ok(())
    } else {
        Err(format!("there is no user '{}': add it to users", row.user))
    }
}
