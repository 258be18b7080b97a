//! Limits of virtual hosts and users.

use leveret_core::model::{UserLimits, VhostLimits};
use serde_json::json;

use super::access::Access;
use super::answer::{Answer, Problem};
use super::caller::{Caller, Role};
use super::contract::Tells;
use super::policies::invalid;
use super::request::Request;
use super::route::{Outcome, Row};
use super::users::named;
use crate::limits::LimitsDocument;
use crate::policy;

pub const ROWS: &[Row] = &[
    Row::get(
        "/api/vhost-limits",
        Access::Management,
        of_vhosts,
        "The limits of all virtual hosts that have any.",
    )
    .tells(Tells::Values("VhostLimits")),
    Row::get(
        "/api/vhost-limits/:vhost",
        Access::VhostForMonitoring,
        of_vhost,
        "The limits of a virtual host.",
    )
    .tells(Tells::Values("VhostLimits")),
    Row::put(
        VHOST_LIMIT,
        Access::Administrator,
        put_vhost,
        "Limits connections or queues of a virtual host.",
    )
    .takes("LimitValue")
    .answers(&[204])
    .json_only(),
    Row::delete(VHOST_LIMIT, Access::Administrator, delete_vhost, "Takes a limit of a virtual host away."),
    Row::get("/api/user-limits", Access::Administrator, of_users, "The limits of all users that have any.")
        .tells(Tells::Values("UserLimits")),
    Row::get("/api/user-limits/:user", Access::Management, of_user, "The limits of a user.")
        .tells(Tells::Values("UserLimits")),
    Row::put(USER_LIMIT, Access::Administrator, put_user, "Limits connections or channels of a user.")
        .takes("LimitValue")
        .answers(&[204])
        .json_only(),
    Row::delete(USER_LIMIT, Access::Administrator, delete_user, "Takes a limit of a user away."),
];

const VHOST_LIMIT: &str = "/api/vhost-limits/:vhost/:name";
const USER_LIMIT: &str = "/api/user-limits/:user/:name";

fn of_vhosts(request: &Request) -> Outcome {
    let mut vhosts = request.core().vhosts();
    vhosts.retain(|vhost| request.caller.sees_vhost(vhost.name()) || request.caller.is(Role::Monitoring));
    vhosts.sort_by(|one, other| one.name().cmp(other.name()));
    let limits = vhosts.iter().map(|vhost| (vhost, LimitsDocument::of(vhost.details().limits.iter())));
    let limited = limits.filter(|(_, limits)| !limits.is_empty());
    let rows: Vec<_> =
        limited.map(|(vhost, limits)| json!({"vhost": vhost.name(), "value": limits})).collect();
    Ok(Answer::json(&rows))
}

fn of_vhost(request: &Request) -> Outcome {
    let vhost = request.vhost()?;
    let limits = LimitsDocument::of(vhost.details().limits.iter());
    let row = (!limits.is_empty()).then(|| json!({"vhost": vhost.name(), "value": limits}));
    Ok(Answer::json(&row.into_iter().collect::<Vec<_>>()))
}

fn put_vhost(request: &Request) -> Outcome {
    let vhost = request.core().vhost(request.value("vhost"));
    let vhost = vhost.ok_or_else(|| Problem::nothing_there("vhost_not_found"))?;
    let fields = request.fields()?;
    fields.require(&["value"])?;
    let value = fields.get("value").map(policy::term);
    let set = |limits: &mut VhostLimits| limits.set(request.value("name"), value.as_ref());
    set(&mut VhostLimits::default()).map_err(|error| invalid(&error.to_string()))?;
    // The one limit, so that another that is set at once is kept, too.
    vhost.change_details(|details| drop(set(&mut details.limits)));
    request.change(|_, _| ());
    Ok(Answer::done())
}

fn delete_vhost(request: &Request) -> Outcome {
    let vhost = request.core().vhost(request.value("vhost"));
    let vhost = vhost.ok_or_else(|| Problem::nothing_there("vhost_not_found"))?;
    let before = vhost.details().limits;
    let mut limits = before;
    // A limit that there is no such thing as is not set.
    if limits.set(request.value("name"), None).is_ok() && limits != before {
        vhost.change_details(|details| drop(details.limits.set(request.value("name"), None)));
        request.change(|_, _| ());
    }
    Ok(Answer::done())
}

fn of_users(request: &Request) -> Outcome {
    let mut users = request.core().users();
    users.sort_by(|one, other| one.name.cmp(&other.name));
    let limits = users.iter().map(|user| (user, LimitsDocument::of(user.limits.iter())));
    let limited = limits.filter(|(_, limits)| !limits.is_empty());
    let rows: Vec<_> = limited.map(|(user, limits)| json!({"user": user.name, "value": limits})).collect();
    Ok(Answer::json(&rows))
}

/// For who watches the broker, and for the user itself.
fn of_user(request: &Request) -> Outcome {
    let is_own = matches!(&request.caller, Caller::User(user) if user.name == request.value("user"));
    if !is_own && !request.caller.is(Role::Monitoring) {
        return Err(Problem::not_authorised("User not authorised to access object"));
    }
    let user = named(request)?;
    let limits = LimitsDocument::of(user.limits.iter());
    let row = (!limits.is_empty()).then(|| json!({"user": user.name, "value": limits}));
    Ok(Answer::json(&row.into_iter().collect::<Vec<_>>()))
}

fn put_user(request: &Request) -> Outcome {
    let fields = request.fields()?;
    fields.require(&["value"])?;
    let value = fields.get("value").map(policy::term);
    let name = request.value("user");
    let missing = || Problem::bad_request(json!(["no_such_user", name]));
    request.core().user(name).ok_or_else(missing)?;
    let set = |limits: &mut UserLimits| limits.set(request.value("name"), value.as_ref());
    set(&mut UserLimits::default()).map_err(|error| Problem::bad_request(error.to_string()))?;
    // As above.
    if !request.core().change_user(name, |user| drop(set(&mut user.limits))) {
        return Err(missing());
    }
    request.change(|_, _| ());
    Ok(Answer::done())
}

fn delete_user(request: &Request) -> Outcome {
    let name = request.value("user");
    // RabbitMQ's words, though it is a user.
    let user = request.core().user(name).ok_or_else(|| Problem::nothing_there("vhost_not_found"))?;
    let mut limits = user.limits;
    if limits.set(request.value("name"), None).is_ok() && limits != user.limits {
        request.core().change_user(name, |user| drop(user.limits.set(request.value("name"), None)));
        request.change(|_, _| ());
    }
    Ok(Answer::done())
}
