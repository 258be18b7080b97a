//! Feature flags and deprecated features: lists that tools look something up in before they begin.
//!
//! A flag says that all nodes of a cluster know something. There is one node, so whatever RabbitMQ 4.3 tells is enabled,
//! those of streams included: the tools that look for them want to know how old the broker is.

use serde_json::{Value, json};

use super::access::Access;
use super::answer::{Answer, Problem};
use super::contract::Tells;
use super::request::Request;
use super::route::{Outcome, Row};

pub const ROWS: &[Row] = &[
    Row::get("/api/feature-flags", Access::Management, flags, "The feature flags, all of them enabled.")
        .tells(Tells::Values("FeatureFlag")),
    Row::put(
        "/api/feature-flags/:name/enable",
        Access::Administrator,
        enable,
        "Does nothing: the flag is enabled.",
    )
    .answers(&[204])
    .json_only(),
    Row::get(
        "/api/deprecated-features",
        Access::Management,
        deprecated,
        "What RabbitMQ gives up, or has given up.",
    )
    .tells(Tells::Values("DeprecatedFeature")),
    Row::get(
        "/api/deprecated-features/used",
        Access::Management,
        used,
        "Deprecated features that are in use: none.",
    )
    .tells(Tells::Values("DeprecatedFeature")),
];

/// Name, what it is, and who has it: RabbitMQ's core, its management interface or the agent of that.
const FLAGS: &[(&str, &str, &str)] = &[
    ("classic_mirrored_queue_version", "Support setting version for classic mirrored queues", CORE),
    (
        "classic_queue_type_delivery_support",
        "Bug fix for classic queue deliveries using mixed versions",
        CORE,
    ),
    (
        "detailed_queues_endpoint",
        "Add a detailed queues HTTP API endpoint. Reduce number of metrics in the default endpoint.",
        MANAGEMENT,
    ),
    ("direct_exchange_routing_v2", "v2 direct exchange routing implementation", CORE),
    ("drop_unroutable_metric", "Count unroutable publishes to be dropped in stats", AGENT),
    ("empty_basic_get_metric", "Count AMQP `basic.get` on empty queues in stats", AGENT),
    ("feature_flags_v2", "Feature flags subsystem V2", CORE),
    (
        "implicit_default_bindings",
        "Default bindings are now implicit, instead of being stored in the database",
        CORE,
    ),
    ("khepri_db", "New Raft-based metadata store.", CORE),
    ("listener_records_in_ets", "Store listener records in ETS instead of Mnesia", CORE),
    ("maintenance_mode_status", "Maintenance mode status", CORE),
    ("message_containers", "Message containers.", CORE),
    ("message_containers_deaths_v2", "Bug fix for dead letter cycle detection", CORE),
    ("quorum_queue", "Support queues of type `quorum`", CORE),
    ("quorum_queue_non_voters", "Allows new quorum queue members to be added as non voters initially.", CORE),
    ("rabbit_exchange_type_local_random", "Local random exchange", CORE),
    ("rabbitmq_4.0.0", "Allows rolling upgrades from 3.13.x to 4.0.x", CORE),
    ("rabbitmq_4.1.0", "Allows rolling upgrades to 4.1.x", CORE),
    ("rabbitmq_4.2.0", "Allows rolling upgrades to 4.2.x", CORE),
    ("rabbitmq_4.3.0", "Allows rolling upgrades to 4.3.x", CORE),
    (
        "restart_streams",
        "Support for restarting streams with optional preferred next leader argument.Used to implement stream leader rebalancing",
        CORE,
    ),
    ("stream_filtering", "Support for stream filtering.", CORE),
    ("stream_queue", "Support queues of type `stream`", CORE),
    (
        "stream_sac_coordinator_unblock_group",
        "Bug fix to unblock a group of consumers in a super stream partition",
        CORE,
    ),
    ("stream_single_active_consumer", "Single active consumer for streams", CORE),
    (
        "stream_update_config_command",
        "A new internal command that is used to update streams as part of a policy.",
        CORE,
    ),
    (
        "tie_binding_to_dest_with_keep_while_cond",
        "Use keep_while condition to tie a binding record lifetime to its destination record in Khepri",
        CORE,
    ),
    ("topic_binding_projection_v4", "Enable the topic binding Khepri projection v4", CORE),
    ("topic_binding_projection_v5", "Enable the topic binding Khepri projection v5", CORE),
    ("track_qq_members_uids", "Track queue members UIDs in the metadata store", CORE),
    ("tracking_records_in_ets", "Store tracking records in ETS instead of Mnesia", CORE),
    ("user_limits", "Configure connection and channel limits for a user", CORE),
    ("virtual_host_metadata", "Virtual host metadata (description, tags, etc)", CORE),
];

const CORE: &str = "rabbit";
const MANAGEMENT: &str = "rabbitmq_management";
const AGENT: &str = "rabbitmq_management_agent";

/// Name, whether it may be used still, how far it is on its way out, who had it.
const DEPRECATED: &[(&str, &str, &str, &str)] = &[
    ("queue_master_locator", "denied", "denied_by_default", CORE),
    ("global_qos", "denied", "denied_by_default", CORE),
    ("amqp_filter_set_bug", "denied", "denied_by_default", CORE),
    ("amqp_address_v1", "denied", "denied_by_default", CORE),
    ("management_metrics_collection", "permitted", "permitted_by_default", AGENT),
    ("transient_nonexcl_queues", "permitted", "permitted_by_default", CORE),
    ("classic_queue_mirroring", "denied", "removed", CORE),
    ("ram_node_type", "denied", "removed", CORE),
];

/// Flags that a cluster of RabbitMQ 4.3 can still do without.
const OPTIONAL: &[&str] = &[
    "rabbitmq_4.3.0",
    "tie_binding_to_dest_with_keep_while_cond",
    "topic_binding_projection_v4",
    "topic_binding_projection_v5",
    "track_qq_members_uids",
];

fn flags(_: &Request) -> Outcome {
    let flag = |(name, desc, provided_by): &(&str, &str, &str)| -> Value {
        let (stability, level) =
            if OPTIONAL.contains(name) { ("stable", "none") } else { ("required", "hard") };
        json!({
            "name": name,
            "desc": desc,
            "doc_url": "",
            "state": "enabled",
            "stability": stability,
            "require_level": level,
            "experiment_level": "supported",
            "callbacks": [],
            "provided_by": provided_by,
        })
    };
    Ok(Answer::json(&FLAGS.iter().map(flag).collect::<Vec<_>>()))
}

fn enable(request: &Request) -> Outcome {
    request.fields()?;
    let name = request.value("name");
    let is_known = FLAGS.iter().any(|(known, ..)| *known == name);
    if is_known { Ok(Answer::done()) } else { Err(Problem::bad_request("unsupported")) }
}

fn deprecated(_: &Request) -> Outcome {
    let feature = |(name, state, phase, provided_by): &(&str, &str, &str, &str)| -> Value {
        json!({
            "name": name,
            "state": state,
            "desc": "",
            "deprecation_phase": phase,
            "doc_url": "",
            "provided_by": provided_by,
        })
    };
    Ok(Answer::json(&DEPRECATED.iter().map(feature).collect::<Vec<_>>()))
}

fn used(_: &Request) -> Outcome {
    Ok(Answer::json(&Vec::<Value>::new()))
}
