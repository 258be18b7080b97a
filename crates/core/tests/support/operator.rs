//! What an operator does in a transcript: policies, limits, topic permissions, the end of users and virtual hosts.
//!
//! ```text
//! limit vhost v max-queues=5               also `limit user bob max-channels=1`
//! describe v default-queue-type=quorum     what is said of a virtual host; also description=, tag=
//! topics bob v EXCHANGE WRITE READ         also `no topics bob v`
//! trace on v                               copies of its messages; also `trace off v`
//! delete vhost v                           also `delete user bob`
//! policy p pattern=^q apply-to=queues priority=1 vhost=v message-ttl=100    all but the pattern may be missing
//! operator-policy p pattern=^q max-length=5
//! no policy p                              also `no operator-policy p`
//! settings of q                            also `settings of q in v`; heard as
//! q < policy=p operator=none ttl=100ms     what policies apply, and what they and the arguments have come to
//! ```

use std::fmt::Write as _;

use leveret_core::model::{
    ApplyTo, DeliveryLimit, Policy, PolicyDefinition, PolicyKind, PolicySpec, QueueKind, QueueSettings, Term,
    User,
};

use super::stage::Stage;

/// Does what a line says, if it is one of these.
pub fn act(stage: &mut Stage, words: &[&str]) -> bool {
    match words {
        ["policy", name, said @ ..] => put(stage, PolicyKind::User, name, said),
        ["operator-policy", name, said @ ..] => put(stage, PolicyKind::Operator, name, said),
        ["no", "policy", name] => remove(stage, PolicyKind::User, name),
        ["no", "operator-policy", name] => remove(stage, PolicyKind::Operator, name),
        ["limit", "vhost", name, said @ ..] => limit_vhost(stage, name, said),
        ["limit", "user", name, said @ ..] => limit_user(stage, name, said),
        ["describe", name, said @ ..] => describe(stage, name, said),
        ["topics", user, vhost, exchange, write, read] => {
            let set = |user: &mut User| user.set_topic_permissions((vhost, exchange), write, read);
            assert!(stage.broker().change_user(user, set), "there is no user {user}");
        }
        ["no", "topics", user, vhost] => {
            stage.broker().change_user(user, |user| assert!(user.clear_topic_permissions(vhost, None)));
        }
        ["trace", how @ ("on" | "off"), name] => {
            stage.broker().vhost(name).unwrap().set_tracing(*how == "on");
        }
        ["delete", "vhost", name] => stage.administer(|broker, now, effects| {
            assert!(broker.delete_vhost(now, name, effects), "there is no virtual host {name}");
        }),
        ["delete", "user", name] => stage.administer(|broker, _, effects| {
            assert!(broker.delete_user(name, effects), "there is no user {name}");
        }),
        ["settings", "of", queue] => show(stage, "/", queue),
        ["settings", "of", queue, "in", vhost] => show(stage, vhost, queue),
        _ => return false,
    }
    // What has happened is told.
    stage.administer(|_, _, _| ());
    true
}

fn said(words: &[&str]) -> Vec<(String, Term)> {
    let pair = |word: &&str| {
        let (key, value) = word.split_once('=').expect("this is written key=value");
        (key.to_owned(), term(value))
    };
    words.iter().map(pair).collect()
}

fn limit_vhost(stage: &mut Stage, name: &str, words: &[&str]) {
    stage.broker().vhost(name).unwrap().change_details(|details| {
        for (key, value) in said(words) {
            details.limits.set(&key, Some(&value)).unwrap();
        }
    });
}

fn limit_user(stage: &mut Stage, name: &str, words: &[&str]) {
    let is_there = stage.broker().change_user(name, |user| {
        for (key, value) in said(words) {
            user.limits.set(&key, Some(&value)).unwrap();
        }
    });
    assert!(is_there, "there is no user {name}");
}

fn describe(stage: &mut Stage, name: &str, words: &[&str]) {
    stage.broker().vhost(name).unwrap().change_details(|details| {
        for (key, value) in said(words) {
            let text = value.as_text().unwrap().to_owned();
            match key.as_str() {
                "description" => details.description = text,
                "tag" => details.tags.push(text),
                "default-queue-type" => {
                    let is_quorum = text == "quorum";
                    details.default_queue_type =
                        Some(if is_quorum { QueueKind::Quorum } else { QueueKind::Classic });
                }
                _ => panic!("nothing is said of {key}"),
            }
        }
    });
}

fn put(stage: &mut Stage, kind: PolicyKind, name: &str, said: &[&str]) {
    let mut vhost = "/";
    let mut spec = PolicySpec {
        kind,
        name: name.to_owned(),
        pattern: String::new(),
        apply_to: ApplyTo::All,
        priority: 0.0,
        definition: PolicyDefinition::new(),
    };
    for said in said {
        let (key, value) = said.split_once('=').expect("policies are written key=value");
        match key {
            "vhost" => vhost = value,
            "pattern" => value.clone_into(&mut spec.pattern),
            "apply-to" => spec.apply_to = ApplyTo::parse(value).unwrap(),
            "priority" => spec.priority = value.parse().unwrap(),
            _ => drop(spec.definition.insert(key.to_owned(), term(value))),
        }
    }
    let policy = Policy::new(spec).unwrap();
    stage.administer(|broker, now, effects| {
        broker.vhost(vhost).unwrap().put_policy(now, policy, effects);
    });
}

/// A number, or text; empty text is `''`.
fn term(text: &str) -> Term {
    let text = text.trim_matches('\'');
    text.parse().map_or_else(|_| text.into(), Term::Integer)
}

fn remove(stage: &mut Stage, kind: PolicyKind, name: &str) {
    stage.administer(|broker, now, effects| {
        let is_removed = broker.vhost("/").unwrap().delete_policy(now, kind, name, effects);
        assert!(is_removed, "there is no such policy");
    });
}

fn show(stage: &mut Stage, vhost: &str, name: &str) {
    let vhost = stage.broker().vhost(vhost).unwrap();
    let queue = vhost.queue(name).unwrap();
    let applied = vhost.policies().of_queue(name, queue.facts().traits.kind);
    let named = |policy: Option<&std::sync::Arc<Policy>>| {
        policy.map_or_else(|| "none".to_owned(), |policy| policy.spec().name.clone())
    };
    let (user, operator) = (named(applied.user.as_ref()), named(applied.operator.as_ref()));
    let settings = shown(&queue.settings());
    stage.tell(format!("{name} < policy={user} operator={operator}{settings}"));
}

/// What is said of a queue's behaviour; nothing of what nobody says anything about.
fn shown(settings: &QueueSettings) -> String {
    let mut line = String::new();
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            write!(line, " {key}={value}").unwrap();
        }
    };
    put("ttl", settings.message_ttl.map(|ttl| format!("{ttl:?}")));
    put("expires", settings.expires.map(|expires| format!("{expires:?}")));
    put("max-length", settings.max_length.map(|max| max.to_string()));
    put("max-length-bytes", settings.max_length_bytes.map(|max| max.to_string()));
    put("overflow", settings.overflow.map(|overflow| format!("{overflow:?}")));
    let dead_letter = settings.dead_letter.as_ref();
    put("dlx", dead_letter.map(|to| to.exchange.clone()));
    put("dlrk", dead_letter.and_then(|to| to.routing_key.clone()));
    put(
        "delivery-limit",
        settings.delivery_limit.map(|limit| match limit {
            DeliveryLimit::Unlimited => "unlimited".to_owned(),
            DeliveryLimit::Returns(limit) => limit.to_string(),
        }),
    );
    put("consumer-timeout", settings.consumer_timeout.map(|timeout| format!("{timeout:?}")));
    line
}
