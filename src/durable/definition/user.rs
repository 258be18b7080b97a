//! A user as the log keeps it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use leveret_core::model::{Access, HashingAlgorithm, PasswordHash, Permissions, TopicPermissions, User};
use serde::{Deserialize, Serialize};

use crate::limits::LimitsDocument;

#[derive(Serialize, Deserialize)]
pub struct StoredUser {
    password_hash: String,
    hashing_algorithm: String,
    tags: Vec<String>,
    permissions: BTreeMap<String, StoredPermissions>,
    /// By virtual host, then by exchange.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    topic_permissions: BTreeMap<String, BTreeMap<String, StoredTopic>>,
    #[serde(default, skip_serializing_if = "LimitsDocument::is_empty")]
    limits: LimitsDocument,
}

#[derive(Serialize, Deserialize)]
struct StoredPermissions {
    configure: String,
    write: String,
    read: String,
}

#[derive(Serialize, Deserialize)]
struct StoredTopic {
    write: String,
    read: String,
}

impl StoredUser {
    /// What the log is to know of a user.
    pub fn of(user: &User) -> Self {
        let mut topic_permissions: BTreeMap<String, BTreeMap<String, StoredTopic>> = BTreeMap::new();
        for row in user.all_topic_permissions() {
            let of_vhost = topic_permissions.entry(row.vhost.to_owned()).or_default();
            of_vhost.insert(row.exchange.to_owned(), StoredTopic::of(row.permissions));
        }
        Self {
            password_hash: STANDARD.encode(user.password.salted()),
            hashing_algorithm: user.password.algorithm().name().to_owned(),
            tags: user.tags.clone(),
            permissions: user
                .all_permissions()
                .map(|(vhost, own)| (vhost.to_owned(), StoredPermissions::of(own)))
                .collect(),
            topic_permissions,
            limits: LimitsDocument::of(user.limits.iter()),
        }
    }

    /// The user of this name.
    pub fn user(self, name: &str) -> Result<User, String> {
        let algorithm = HashingAlgorithm::parse(&self.hashing_algorithm)
            .ok_or_else(|| format!("unknown hashing algorithm {}", self.hashing_algorithm))?;
        let password = PasswordHash::from_base64(&self.password_hash, algorithm)
            .ok_or("the password hash is not in base64")?;
        let mut user = User::new(name, password, self.tags);
        for (vhost, StoredPermissions { configure, write, read }) in self.permissions {
            user.set_permissions(&vhost, Permissions::new(&configure, &write, &read));
        }
        for (vhost, exchanges) in &self.topic_permissions {
            for (exchange, StoredTopic { write, read }) in exchanges {
                user.set_topic_permissions((vhost, exchange), write, read);
            }
        }
        user.limits = self.limits.of_user().map_err(|error| error.to_string())?;
        Ok(user)
    }
}

impl StoredPermissions {
    fn of(permissions: &Permissions) -> Self {
        let pattern = |access| permissions.pattern(access).to_owned();
        Self {
            configure: pattern(Access::Configure),
            write: pattern(Access::Write),
            read: pattern(Access::Read),
        }
    }
}

impl StoredTopic {
    fn of(permissions: &TopicPermissions) -> Self {
        let pattern = |access| permissions.pattern(access).to_owned();
        Self { write: pattern(Access::Write), read: pattern(Access::Read) }
    }
}
