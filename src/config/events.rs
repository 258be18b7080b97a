//! The options for who wants to know what goes on: traced messages and events.

use super::Plan;
use super::options::{Flag, Refused, Setting, each, named, one, put};
use super::{Given, value};

/// See [`super::options::settings`].
pub const EVENT_SETTINGS: &[Setting] = &[
    Setting {
        flag: Some(Flag::Values { name: "trace", value: "VHOST" }),
        environment: &["LEVERET_TRACE_VHOSTS"],
        keys: &["trace_vhosts.*"],
        default: "none",
        help: "Virtual hosts whose messages are copied to their exchange `amq.rabbitmq.trace` as they are published and delivered; in the environment with commas between them",
        set: set_traced_vhosts,
    },
    Setting {
        flag: Some(Flag::Switch { name: "event-exchange" }),
        environment: &["LEVERET_EVENT_EXCHANGE"],
        keys: &["event_exchange"],
        default: "false",
        help: "Tell what comes and goes (connections, channels, queues, users...) on the exchange `amq.rabbitmq.event`",
        set: |plan, given| one(given, |text| put(&mut plan.settings.event_exchange, value::boolean(text))),
    },
    Setting {
        flag: None,
        environment: &["LEVERET_EVENT_EXCHANGE_VHOST"],
        keys: &["event_exchange.vhost"],
        default: "the virtual host that an empty broker starts with",
        help: "The virtual host of that exchange",
        set: |plan, given| one(given, |text| named(text).map(|name| plan.settings.event_vhost = Some(name))),
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["event_exchange.protocol"],
        default: "amqp_0_9_1",
        help: "How events are written; only `amqp_0_9_1` is accepted",
        set: |_, given| {
            one(given, |text| match text {
                "amqp_0_9_1" => Ok(()),
                _ => Err("this version writes events as `amqp_0_9_1` only".to_owned()),
            })
        },
    },
];

/// In the file each has a line of its own.
fn set_traced_vhosts(plan: &mut Plan, given: &[Given]) -> Result<(), Refused> {
    plan.settings.traced_vhosts.clear();
    each(given, |given| {
        let several = given.name == "LEVERET_TRACE_VHOSTS";
        let names = given.value.split(move |char| several && char == ',').map(|name| named(name.trim()));
        plan.settings.traced_vhosts.extend(names.collect::<Result<Vec<_>, _>>()?);
        Ok(())
    })
}
