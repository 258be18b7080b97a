//! Events of users and what they may do, found by comparing a user before and after.

use leveret_codec::Value;

use crate::model::event::Event;
use crate::model::event::vhost::texts;
use crate::model::limit::UserLimits;
use crate::model::user::{Access, TopicRow, User};

/// What has changed about a user; before it was there, nothing was said of it.
pub fn user_changed(before: Option<&User>, after: &User) -> Vec<Event> {
    let mut events = Vec::new();
    let name = after.name.as_str();
    match before {
        None => events.push(Event::new("user.created").text("name", name)),
        Some(before) if before.password != after.password => {
            events.push(Event::new("user.password.changed").text("name", name));
        }
        Some(_) => {}
    }
    if before.is_none_or(|before| before.tags != after.tags) {
        let tags = texts(&after.tags);
        events.push(Event::new("user.tags.set").text("name", name).with("tags", Value::Array(tags.as_ref())));
    }
    permissions(before, after, &mut events);
    topics(before, after, &mut events);
    let limits_before = before.map(|before| before.limits).unwrap_or_default();
    if limits_before != after.limits {
        events.push(limits(name, &after.limits));
    }
    events
}

/// A user is gone.
pub fn user_deleted(name: &str) -> Event {
    Event::new("user.deleted").text("name", name)
}

fn permissions(before: Option<&User>, after: &User, events: &mut Vec<Event>) {
    const ACCESSES: [Access; 3] = [Access::Configure, Access::Write, Access::Read];
    for (vhost, now) in after.all_permissions() {
        let was = before.and_then(|before| before.permissions(vhost));
        if was.is_some_and(|was| ACCESSES.iter().all(|access| was.pattern(*access) == now.pattern(*access))) {
            continue;
        }
        let event = Event::new("permission.created").text("user", &after.name).text("vhost", vhost);
        let with = |event: Event, access: &Access| event.text(&access.to_string(), now.pattern(*access));
        events.push(ACCESSES.iter().fold(event, with));
    }
    for (vhost, _) in before.into_iter().flat_map(User::all_permissions) {
        if after.permissions(vhost).is_none() {
            events.push(Event::new("permission.deleted").text("user", &after.name).text("vhost", vhost));
        }
    }
}

fn topics(before: Option<&User>, after: &User, events: &mut Vec<Event>) {
    const ACCESSES: [Access; 2] = [Access::Write, Access::Read];
    let event = |key, TopicRow { vhost, exchange, .. }: TopicRow<'_>| {
        Event::new(key).text("user", &after.name).text("vhost", vhost).text("exchange", exchange)
    };
    for row in after.all_topic_permissions() {
        let was = before.and_then(|before| before.topic_permissions(row.vhost, row.exchange));
        let now = row.permissions;
        if was.is_none_or(|was| ACCESSES.iter().any(|access| was.pattern(*access) != now.pattern(*access))) {
            let with = |event: Event, access: &Access| event.text(&access.to_string(), now.pattern(*access));
            events.push(ACCESSES.iter().fold(event("topic.permission.created", row), with));
        }
    }
    for row in before.into_iter().flat_map(User::all_topic_permissions) {
        if after.topic_permissions(row.vhost, row.exchange).is_none() {
            events.push(event("topic.permission.deleted", row));
        }
    }
}

fn limits(user: &str, limits: &UserLimits) -> Event {
    let key = if *limits == UserLimits::default() { "user.limits.cleared" } else { "user.limits.set" };
    let event = Event::new(key).text("name", "limits").text("username", user);
    limits.iter().fold(event, |event, (name, limit)| event.number(name, limit.0))
}
