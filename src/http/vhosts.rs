//! Virtual hosts: `/api/vhosts` and what hangs below it.
//!
//! What a body does not say of a virtual host that is there is taken back (RabbitMQ), but not its limits, and neither
//! tracing nor the protection from deletion. Who makes one may do everything in it.

use std::sync::Arc;

use leveret_core::model::{Permissions, QueueKind, Vhost, VhostDetails};
use serde_json::{Value, json};

use super::access::Access;
use super::answer::{Answer, Problem};
use super::body::Fields;
use super::caller::{Caller, Role};
use super::contract::{SAMPLES, Tells};
use super::listing::{self, Entry};
use super::numbers::of_vhost;
use super::request::{Object, Request};
use super::route::{Outcome, Row};
use crate::rates::Census;

pub const ROWS: &[Row] = &[
    Row::get("/api/vhosts", Access::Management, list, "The virtual hosts that the caller may enter.")
        .tells(Tells::Paged("Vhost"))
        .asks(SAMPLES),
    Row::get("/api/vhosts/:vhost", Access::Administrator, one, "A virtual host.")
        .tells(Tells::One("Vhost"))
        .asks(SAMPLES),
    Row::put(
        "/api/vhosts/:vhost",
        Access::Administrator,
        put,
        "Adds a virtual host, or changes what is said of it.",
    )
    .takes("VhostDeclaration"),
    Row::delete(
        "/api/vhosts/:vhost",
        Access::Administrator,
        delete,
        "Deletes a virtual host with all that is in it.",
    )
    .answers(&[204, 412]),
    Row::post(PROTECTION, Access::Administrator, protect, "Protects a virtual host from being deleted."),
    Row::delete(PROTECTION, Access::Administrator, unprotect, "Lets a virtual host be deleted again."),
    Row::post(
        "/api/vhosts/:vhost/start/:node",
        Access::Administrator,
        start,
        "Does nothing: virtual hosts run.",
    ),
];

const PROTECTION: &str = "/api/vhosts/:vhost/deletion/protection";

/// A virtual host in a list.
struct Known<'a> {
    vhost: Arc<Vhost>,
    request: &'a Request,
    /// What is counted in all of them.
    census: Option<&'a Census>,
}

impl Entry for Known<'_> {
    fn name(&self) -> &str {
        self.vhost.name()
    }

    fn row(&self) -> Object {
        let mut row = row(&self.vhost, self.request.api.node());
        if let Some(census) = self.census {
            row.append(&mut of_vhost(self.request, census, self.name()));
        }
        row
    }
}

/// What is counted at this moment; nothing if nobody wants to know.
fn census(request: &Request) -> Result<Option<Census>, Problem> {
    // What makes no sense is refused, whatever there is.
    request.query.samples()?;
    let is_unwanted = request.api.settings.disable_stats || request.query.has("disable_stats");
    Ok((!is_unwanted).then(|| Census::take(&request.api.shared)))
}

fn row(vhost: &Vhost, node: &str) -> Object {
    let details = vhost.details();
    let kind = details.default_queue_type.map_or("classic", QueueKind::as_str);
    let mut metadata = Object::new();
    metadata.insert("description".to_owned(), details.description.as_str().into());
    metadata.insert("tags".to_owned(), details.tags.as_slice().into());
    metadata.insert("default_queue_type".to_owned(), kind.into());
    if details.protected_from_deletion {
        metadata.insert("protected_from_deletion".to_owned(), true.into());
    }
    let mut row = metadata.clone();
    row.insert("protected_from_deletion".to_owned(), details.protected_from_deletion.into());
    row.insert("name".to_owned(), vhost.name().into());
    row.insert("metadata".to_owned(), metadata.into());
    row.insert("tracing".to_owned(), vhost.is_traced().into());
    row.insert("cluster_state".to_owned(), json!({node: "running"}));
    row
}

fn list(request: &Request) -> Outcome {
    let vhosts = request.core().vhosts().into_iter();
    // Who watches the broker is told of all of them, though not of what is in them.
    let sees_all = request.caller.is(Role::Monitoring);
    let seen = vhosts.filter(|vhost| sees_all || request.caller.sees_vhost(vhost.name()));
    let census = census(request)?;
    let known = seen.map(|vhost| Known { vhost, request, census: census.as_ref() });
    listing::paged(&request.query, known.collect())
}

fn one(request: &Request) -> Outcome {
    let (vhost, census) = (request.vhost()?, census(request)?);
    Ok(listing::one(&request.query, Known { vhost, request, census: census.as_ref() }.row()))
}

fn put(request: &Request) -> Outcome {
    let name = request.value("vhost");
    if name.is_empty() {
        return Err(Problem::not_found());
    }
    let fields = request.fields()?;
    let said = Said::of(&fields)?;
    let is_new = request.core().vhost(name).is_none();
    let vhost = request.core().add_vhost(name);
    let mut details = VhostDetails::clone(&vhost.details());
    said.apply(&mut details);
    if details != *vhost.details() {
        // Whoever sets a limit meanwhile keeps it.
        vhost.change_details(|details| said.apply(details));
    }
    if let Some(on) = said.tracing {
        vhost.set_tracing(on);
    }
    if let (true, Caller::User(user)) = (is_new, &request.caller) {
        request.core().set_permissions(&user.name, name, Permissions::new(".*", ".*", ".*"));
    }
    request.change(|_, _| ());
    Ok(Answer::put(is_new))
}

/// What a body says of a virtual host.
struct Said {
    description: String,
    tags: Vec<String>,
    default_queue_type: Option<QueueKind>,
    protected: Option<bool>,
    tracing: Option<bool>,
}

impl Said {
    fn of(fields: &Fields) -> Result<Self, Problem> {
        Ok(Self {
            description: fields.text("description")?.unwrap_or_default().to_owned(),
            tags: fields.words("tags")?.unwrap_or_default(),
            default_queue_type: default_queue_type(fields)?,
            protected: fields.flag("protected_from_deletion")?,
            tracing: fields.flag("tracing")?,
        })
    }

    fn apply(&self, details: &mut VhostDetails) {
        details.description.clone_from(&self.description);
        details.tags.clone_from(&self.tags);
        details.default_queue_type = self.default_queue_type;
        details.protected_from_deletion = self.protected.unwrap_or(details.protected_from_deletion);
    }
}

fn default_queue_type(fields: &Fields) -> Result<Option<QueueKind>, Problem> {
    match fields.said("default_queue_type") {
        None => Ok(None),
        Some(Value::String(text)) => match text.as_str() {
            "" => Err(Problem::bad_request("default_queue_type must not be an empty string")),
            "undefined" => Ok(None),
            "classic" | "rabbit_classic_queue" => Ok(Some(QueueKind::Classic)),
            "quorum" | "rabbit_quorum_queue" => Ok(Some(QueueKind::Quorum)),
            other => Err(Problem::bad_request(format!("{other} is not a valid queue type"))),
        },
        Some(other) => Err(Problem::bad_request(format!("{other} is not a valid default_queue_type value"))),
    }
}

fn delete(request: &Request) -> Outcome {
    let vhost = request.vhost()?;
    let name = vhost.name();
    if vhost.details().protected_from_deletion {
        let reason =
            format!("Refusing to delete virtual host '{name}' because it is protected from deletion");
        return Err(Problem::precondition_failed(reason));
    }
    let is_gone = request.change(|now, effects| request.core().delete_vhost(now, name, effects));
    if is_gone { Ok(Answer::done()) } else { Err(Problem::not_found()) }
}

fn protect(request: &Request) -> Outcome {
    let name = request.value("vhost");
    let vhost = request.core().vhost(name).ok_or_else(|| {
        Problem::nothing_there(format!(
            "Cannot enable deletion protection of virtual host '{name}' because it does not exist"
        ))
    })?;
    vhost.change_details(|details| details.protected_from_deletion = true);
    request.change(|_, _| ());
    Ok(Answer::done())
}

fn unprotect(request: &Request) -> Outcome {
    request.vhost()?.change_details(|details| details.protected_from_deletion = false);
    request.change(|_, _| ());
    Ok(Answer::done())
}

fn start(request: &Request) -> Outcome {
    let (name, node) = (request.value("vhost"), request.value("node"));
    if node != request.api.node() {
        return Err(Problem::bad_request(format!("Unknown node: {node}")));
    }
    if request.core().vhost(name).is_none() {
        let reason = format!("Request to node {node} failed with {{no_such_vhost,<<\"{name}\">>}}");
        return Err(Problem::bad_request(reason));
    }
    Ok(Answer::done())
}
