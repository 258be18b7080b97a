//! What users may do: permissions on queues and exchanges, and on the keys of topic exchanges.

use std::sync::Arc;

use leveret_core::model::{Access as What, Permissions, TopicRow, User};
use serde_json::{Value, json};

use super::access::Access;
use super::answer::{Answer, Problem};
use super::body::Fields;
use super::contract::Tells;
use super::listing::{self, Entry};
use super::request::{Object, Request};
use super::route::{Outcome, Row};
use super::users::named;

pub const ROWS: &[Row] = &[
    Row::get("/api/permissions", Access::Administrator, list, "All permissions.")
        .tells(Tells::Whole("Permissions")),
    Row::get(OF_USER, Access::Administrator, one, "What a user may do in a virtual host.")
        .tells(Tells::One("Permissions")),
    Row::put(
        OF_USER,
        Access::Administrator,
        put,
        "Lets a user into a virtual host, and says what it may do there.",
    )
    .takes("PermissionsDeclaration"),
    Row::delete(OF_USER, Access::Administrator, delete, "Keeps a user out of a virtual host."),
    Row::get(
        "/api/users/:user/permissions",
        Access::Administrator,
        of_user,
        "What a user may do, by virtual host.",
    )
    .tells(Tells::Whole("Permissions")),
    Row::get(
        "/api/vhosts/:vhost/permissions",
        Access::Administrator,
        of_vhost,
        "Who may do what in a virtual host.",
    )
    .tells(Tells::Whole("Permissions")),
    Row::get("/api/topic-permissions", Access::Administrator, topics, "All topic permissions.")
        .tells(Tells::Whole("TopicPermissions")),
    Row::get(
        TOPICS,
        Access::Administrator,
        topics_there,
        "The topic permissions of a user in a virtual host.",
    )
    .tells(Tells::Whole("TopicPermissions")),
    Row::put(TOPICS, Access::Administrator, put_topics, "Says which keys of an exchange a user may use.")
        .takes("TopicPermissionsDeclaration"),
    Row::delete(
        TOPICS,
        Access::Administrator,
        delete_topics,
        "Takes back the topic permissions of a user in a virtual host.",
    ),
    Row::get(TOPIC, Access::Administrator, topics_there, "The topic permissions of a user for an exchange.")
        .tells(Tells::Whole("TopicPermissions")),
    Row::delete(
        TOPIC,
        Access::Administrator,
        delete_topic,
        "Takes back the topic permissions of a user for an exchange.",
    ),
    Row::get(
        "/api/users/:user/topic-permissions",
        Access::Administrator,
        topics_of_user,
        "The topic permissions of a user.",
    )
    .tells(Tells::Whole("TopicPermissions")),
    Row::get(
        "/api/vhosts/:vhost/topic-permissions",
        Access::Administrator,
        topics_of_vhost,
        "The topic permissions in a virtual host.",
    )
    .tells(Tells::Whole("TopicPermissions")),
];

const OF_USER: &str = "/api/permissions/:vhost/:user";
const TOPICS: &str = "/api/topic-permissions/:vhost/:user";
const TOPIC: &str = "/api/topic-permissions/:vhost/:user/:exchange";

/// A row that is short and made already; ordered by user, then virtual host.
struct Made {
    user: Arc<User>,
    vhost: String,
    row: Object,
}

impl Entry for Made {
    fn vhost(&self) -> &str {
        &self.user.name
    }

    fn name(&self) -> &str {
        &self.vhost
    }

    fn row(&self) -> Object {
        self.row.clone()
    }
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn row(user: &User, vhost: &str, own: &Permissions) -> Object {
    let [configure, write, read] = [What::Configure, What::Write, What::Read].map(|what| own.pattern(what));
    object(json!({"user": user.name, "vhost": vhost, "configure": configure, "write": write, "read": read}))
}

fn rows_of(user: &Arc<User>) -> Vec<Made> {
    let all = user.all_permissions();
    let made = |(vhost, own): (&str, &Permissions)| Made {
        user: user.clone(),
        vhost: vhost.to_owned(),
        row: row(user, vhost, own),
    };
    all.map(made).collect()
}

fn list(request: &Request) -> Outcome {
    let rows = request.core().users().iter().flat_map(rows_of).collect();
    listing::whole(&request.query, rows)
}

fn of_user(request: &Request) -> Outcome {
    listing::whole(&request.query, rows_of(&named(request)?))
}

fn of_vhost(request: &Request) -> Outcome {
    let vhost = request.vhost()?;
    let users = request.core().users();
    let rows = users.iter().flat_map(rows_of).filter(|made| made.vhost == vhost.name()).collect();
    listing::whole(&request.query, rows)
}

fn one(request: &Request) -> Outcome {
    let (user, vhost) = (named(request)?, request.vhost()?);
    let own = user.permissions(vhost.name()).ok_or_else(Problem::not_found)?;
    Ok(listing::one(&request.query, row(&user, vhost.name(), own)))
}

/// The user and the virtual host of a path, where something is to be said of them.
fn place(request: &Request) -> Result<(Arc<User>, &str), Problem> {
    let vhost = request.value("vhost");
    match (request.core().user(request.value("user")), request.core().vhost(vhost)) {
        (Some(user), Some(_)) => Ok((user, vhost)),
        _ => Err(Problem::bad_request("vhost_or_user_not_found")),
    }
}

/// A regular expression that compiles.
fn pattern<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Problem> {
    let text = fields.required_text(name)?;
    match fancy_regex::Regex::new(text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Problem::bad_request(json!(["invalid_regexp", text, error.to_string()]))),
    }
}

fn put(request: &Request) -> Outcome {
    let (user, vhost) = place(request)?;
    let fields = request.fields()?;
    fields.require(&["configure", "write", "read"])?;
    let permissions = Permissions::new(
        pattern(&fields, "configure")?,
        pattern(&fields, "write")?,
        pattern(&fields, "read")?,
    );
    let is_new = user.permissions(vhost).is_none();
    if !request.core().set_permissions(&user.name, vhost, permissions) {
        return Err(Problem::bad_request("vhost_or_user_not_found"));
    }
    request.change(|_, _| ());
    Ok(Answer::put(is_new))
}

fn delete(request: &Request) -> Outcome {
    let (user, vhost) = (named(request)?, request.vhost()?);
    let mut was_there = false;
    request.core().change_user(&user.name, |user| was_there = user.clear_permissions(vhost.name()));
    request.change(|_, _| ());
    if was_there { Ok(Answer::done()) } else { Err(Problem::not_found()) }
}

fn topic_rows(user: &Arc<User>) -> Vec<Made> {
    let made = |TopicRow { vhost, exchange, permissions }: TopicRow<'_>| {
        let [write, read] = [What::Write, What::Read].map(|what| permissions.pattern(what));
        let row =
            json!({"user": user.name, "vhost": vhost, "exchange": exchange, "write": write, "read": read});
        Made { user: user.clone(), vhost: vhost.to_owned(), row: object(row) }
    };
    user.all_topic_permissions().map(made).collect()
}

fn topics(request: &Request) -> Outcome {
    let rows = request.core().users().iter().flat_map(topic_rows).collect();
    listing::whole(&request.query, rows)
}

fn topics_of_user(request: &Request) -> Outcome {
    listing::whole(&request.query, topic_rows(&named(request)?))
}

fn topics_of_vhost(request: &Request) -> Outcome {
    let vhost = request.vhost()?;
    let users = request.core().users();
    let rows = users.iter().flat_map(topic_rows).filter(|made| made.vhost == vhost.name()).collect();
    listing::whole(&request.query, rows)
}

/// With or without an exchange in the path: RabbitMQ tells all of the virtual host either way.
fn topics_there(request: &Request) -> Outcome {
    let (user, vhost) = (named(request)?, request.vhost()?);
    let rows: Vec<Made> = topic_rows(&user).into_iter().filter(|made| made.vhost == vhost.name()).collect();
    if rows.is_empty() { Err(Problem::not_found()) } else { listing::whole(&request.query, rows) }
}

fn put_topics(request: &Request) -> Outcome {
    let (user, name) = place(request)?;
    let fields = request.fields()?;
    fields.require(&["exchange", "write", "read"])?;
    let vhost = request.vhost()?;
    let exchange = fields.get("exchange").and_then(Value::as_str);
    let exchange = exchange
        .filter(|exchange| exchange.is_empty() || vhost.check_exchange(exchange).is_ok())
        .ok_or_else(|| Problem::bad_request(json!(["no_such_exchange", fields.get("exchange")])))?;
    let (write, read) = (pattern(&fields, "write")?, pattern(&fields, "read")?);
    let is_new = user.topic_permissions(name, exchange).is_none();
    let set = |user: &mut User| user.set_topic_permissions((name, exchange), write, read);
    if !request.core().change_user(&user.name, set) {
        return Err(Problem::bad_request("vhost_or_user_not_found"));
    }
    request.change(|_, _| ());
    Ok(Answer::put(is_new))
}

fn delete_topics(request: &Request) -> Outcome {
    take_back(request, None)
}

fn delete_topic(request: &Request) -> Outcome {
    take_back(request, Some(request.value("exchange")))
}

/// Where there are topic permissions at all the answer is the same whether there were some of this exchange (RabbitMQ).
fn take_back(request: &Request, exchange: Option<&str>) -> Outcome {
    let (user, vhost) = (named(request)?, request.vhost()?);
    if !user.all_topic_permissions().any(|row| row.vhost == vhost.name()) {
        return Err(Problem::not_found());
    }
    request.core().change_user(&user.name, |user| {
        user.clear_topic_permissions(vhost.name(), exchange);
    });
    request.change(|_, _| ());
    Ok(Answer::done())
}
