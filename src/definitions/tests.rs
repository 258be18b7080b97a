//! What definitions make of an empty broker, and what they are refused for.

use serde_json::json;

use super::*;
use leveret_core::model::BrokerSettings;
use leveret_core::model::{Access, Limit, QueueKind, Resource};
use leveret_core::{Effects, Timestamp};
use std::sync::Arc;

fn broker() -> Arc<Broker> {
    Broker::new(BrokerSettings::default(), [7; 32], Arc::new(leveret_core::NoStore))
}

fn apply(core: &Broker, definitions: &[Definitions], seed: &Seed) -> Result<(), DefinitionsError> {
    let recipient = Recipient { core, now: Timestamp::default(), effects: &mut Effects::default() };
    let beginning = Beginning { seed, cluster_tags: &BTreeMap::new(), skip_if_unchanged: false };
    super::apply(recipient, definitions, &beginning).map(drop)
}

fn applied(value: Value) -> Arc<Broker> {
    let core = broker();
    apply(&core, &[value.into()], &Seed::default()).unwrap();
    core
}

fn refusal(value: Value) -> String {
    apply(&broker(), &[value.into()], &Seed::default()).unwrap_err().to_string()
}

#[test]
fn an_empty_broker_is_seeded() {
    let core = broker();
    apply(&core, &[], &Seed::default()).unwrap();
    let guest = core.user("guest").unwrap();
    assert!(guest.password.matches(b"guest") && guest.has_tag("administrator"));
    assert!(guest.permissions("/").unwrap().grants(Access::Configure, Resource::Queue("q")));
    assert!(core.vhost("/").is_some());
}

#[test]
fn a_first_start_that_was_cut_short_before_the_user_is_made_up_for() {
    let core = broker();
    core.add_vhost("/");
    apply(&core, &[], &Seed::default()).unwrap();
    assert!(core.user("guest").unwrap().permissions("/").is_some());
}

#[test]
fn the_seed_can_be_another() {
    let core = broker();
    let seed = Seed {
        user: "jane".into(),
        password: "secret".into(),
        vhost: "shop".into(),
        tags: vec![],
        permissions: crate::settings::Permissions { configure: String::new(), ..Default::default() },
    };
    apply(&core, &[], &seed).unwrap();
    let jane = core.user("jane").unwrap();
    assert!(jane.password.matches(b"secret") && jane.tags.is_empty());
    assert!(!jane.permissions("shop").unwrap().grants(Access::Configure, Resource::Queue("q")));
    assert!(core.vhost("/").is_none() && core.user("guest").is_none());
}

#[test]
fn definitions_that_bring_users_replace_the_first_user() {
    let core = applied(json!({"users": [{"name": "a", "password": "b", "tags": []}]}));
    assert!(core.user("guest").is_none());
    assert!(core.vhost("/").is_some());
    let core =
        applied(json!({"users": [{"name": "a", "password": "b", "tags": []}], "vhosts": [{"name": "v"}]}));
    assert!(core.vhost("/").is_none() && core.vhost("v").is_some());
    let core = applied(json!({"vhosts": [{"name": "v"}]}));
    assert!(core.user("guest").is_some() && core.vhost("/").is_some() && core.vhost("v").is_some());
}

#[test]
fn passwords_come_in_clear_or_hashed() {
    let core = applied(json!({"users": [
        {"name": "clear", "password": "test12", "tags": "a,b"},
        // RabbitMQ's documentation: the hash of "test12" with the salt 908DC60A.
        {"name": "hashed", "password_hash": "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR", "tags": [],
         "hashing_algorithm": "rabbit_password_hashing_sha256"},
        {"name": "implied", "password_hash": "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR", "tags": []},
        {"name": "none", "password_hash": "", "tags": []},
        {"name": "nothing", "tags": []},
    ]}));
    for (name, lets_in) in
        [("clear", true), ("hashed", true), ("implied", true), ("none", false), ("nothing", false)]
    {
        let user = core.user(name).unwrap();
        assert_eq!(user.password.matches(b"test12"), lets_in, "{name}");
        assert!(!user.password.matches(b"test13") && !user.password.matches(b""), "{name}");
    }
    assert_eq!(core.user("clear").unwrap().tags, ["a", "b"]);
}

#[test]
fn hashes_of_old_brokers_are_md5() {
    // md5(0x00000000 "x") behind its salt.
    let users = json!([{"name": "old", "password_hash": "AAAAAJaecSdh31kk//ujQV8FJPQ=", "tags": []}]);
    let of_version = |version: &str| {
        let core = applied(json!({"rabbit_version": version, "users": users}));
        core.user("old").unwrap().password.matches(b"x")
    };
    assert!(of_version("3.5.7"));
    assert!(!of_version("3.6.0") && !of_version("4.3.6"));
}

#[test]
fn topology_is_declared_and_bound() {
    let core = applied(json!({
        "vhosts": [{"name": "v", "limits": [], "metadata": {"default_queue_type": "classic"}}],
        "exchanges": [
            {"name": "orders", "vhost": "v", "type": "topic"},
            {"name": "audit", "vhost": "v", "type": "fanout", "internal": true, "durable": false},
            {"name": "amq.topic", "vhost": "v", "type": "direct"},
        ],
        "queues": [
            {"name": "q", "vhost": "v", "type": "classic", "arguments": {"x-message-ttl": 1000}},
            {"name": "amq.gen-x", "vhost": "v"},
        ],
        "bindings": [
            {"source": "orders", "vhost": "v", "destination": "audit", "destination_type": "exchange", "routing_key": "#"},
            {"source": "audit", "vhost": "v", "destination": "q", "destination_type": "queue"},
        ],
    }));
    let vhost = core.vhost("v").unwrap();
    assert!(vhost.exchange("orders").unwrap().durable);
    assert!(vhost.exchange("audit").is_some_and(|exchange| exchange.internal && !exchange.durable));
    assert_eq!(vhost.exchange("amq.topic").unwrap().kind.as_str(), "topic");
    assert!(vhost.queue("amq.gen-x").is_err());
    let queue = vhost.queue("q").unwrap();
    assert!(queue.facts().durable && !queue.facts().auto_delete);
    assert_eq!(vhost.routes().bindings().count(), 2);
}

#[test]
fn what_is_there_stays_as_it_is_and_users_are_replaced() {
    let core = broker();
    let first = json!({"users": [{"name": "a", "password": "1", "tags": []}],
                       "queues": [{"name": "q", "vhost": "/", "durable": false}]});
    let second = json!({"users": [{"name": "a", "password": "2", "tags": []}],
                        "queues": [{"name": "q", "vhost": "/", "durable": true}]});
    apply(&core, &[first.into(), second.into()], &Seed::default()).unwrap();
    assert!(core.user("a").unwrap().password.matches(b"2"));
    assert!(!core.vhost("/").unwrap().queue("q").unwrap().facts().durable);
}

#[test]
fn what_cannot_be_created_is_named_by_its_place() {
    let table = [
        (
            json!({"queues": [{"name": "q", "vhost": "nope"}]}),
            "queues[0]: Please create virtual host \"nope\" prior to importing definitions.",
        ),
        (
            json!({"permissions": [{"user": "nope", "vhost": "/", "configure": "", "write": "", "read": ""}]}),
            "permissions[0]: there is no user 'nope': add it to users",
        ),
        (
            json!({"bindings": [{"source": "nope", "vhost": "/", "destination": "amq.topic",
                                 "destination_type": "exchange", "routing_key": ""}]}),
            "bindings[0]: no exchange 'nope' in vhost '/'",
        ),
        (
            json!({"bindings": [{"source": "amq.topic", "vhost": "/", "destination": "nope",
                                 "destination_type": "queue", "routing_key": ""}]}),
            "bindings[0]: no queue 'nope' in vhost '/'",
        ),
        (
            json!({"users": [{"name": "u", "password": "p", "password_hash": "h", "tags": []}]}),
            "users[0]: user 'u' has a password and a hash: give one of them",
        ),
        (
            json!({"users": [{"name": "u", "password_hash": "%", "tags": []}]}),
            "users[0]: the password hash of user 'u' is not in base64",
        ),
        (
            json!({"users": [{"name": "u", "password_hash": "", "hashing_algorithm": "rot13", "tags": []}]}),
            "users[0]: the hashing algorithm of user 'u' is unknown",
        ),
    ];
    for (value, expected) in table {
        assert_eq!(refusal(value), format!("definitions: {expected}"));
    }
}

#[test]
fn what_is_not_served_is_refused_by_name() {
    let table = [
        (
            json!({"exchanges": [{"name": "e", "vhost": "/", "type": "x-odd"}],
                   "queues": [{"name": "s", "vhost": "v", "type": "stream"}, {"name": "q", "vhost": "/"},
                              {"name": "t", "vhost": "/", "arguments": {"x-queue-type": "stream"}}]}),
            "queues[0] ('s' of type stream in vhost 'v'), queues[2] ('t' of type stream in vhost '/'), \
             exchanges[0] ('e' of type x-odd in vhost '/')",
        ),
        (
            json!({"vhosts": [{"name": "v", "metadata": {"default_queue_type": "stream"}}]}),
            "vhosts[0].metadata.default_queue_type 'stream' (of vhost 'v')",
        ),
    ];
    for (value, expected) in table {
        assert_eq!(refusal(value), format!("definitions: this version of leveret does not serve {expected}"));
    }
}

#[test]
fn limits_metadata_and_topic_permissions_are_kept() {
    let core = applied(json!({
        "users": [{"name": "u", "tags": "", "limits": {"max-connections": 1, "max-channels": -1}}],
        "vhosts": [
            {"name": "v", "limits": {"max-queues": 5},
             "metadata": {"description": "shop", "tags": ["a", "b"], "default_queue_type": "quorum"}},
            {"name": "w", "metadata": {"description": "", "tags": "x,y", "default_queue_type": "undefined"}},
        ],
        "topic_permissions": [{"user": "u", "vhost": "v", "exchange": "t", "write": "^w", "read": "^r"}],
        "parameters": [{"component": "vhost-limits", "name": "limits", "vhost": "w", "value": {"max-connections": 3}}],
    }));
    let user = core.user("u").unwrap();
    assert!(user.limits.iter().eq([("max-channels", Limit(-1)), ("max-connections", Limit(1))]));
    assert_eq!(user.topic_permissions("v", "t").unwrap().pattern(Access::Read), "^r");
    let of = |name: &str| core.vhost(name).unwrap().details();
    assert_eq!((of("v").description.as_str(), of("v").default_queue_type), ("shop", Some(QueueKind::Quorum)));
    assert!(of("v").limits.iter().eq([("max-queues", Limit(5))]));
    assert_eq!((of("w").tags.clone(), of("w").default_queue_type), (vec!["x".into(), "y".into()], None));
    assert!(of("w").limits.iter().eq([("max-connections", Limit(3))]));
}

#[test]
fn a_user_or_a_virtual_host_that_comes_again_keeps_what_nothing_is_said_of() {
    let core = broker();
    let first = json!({"users": [{"name": "u", "tags": "", "limits": {"max-channels": 1}}],
                       "vhosts": [{"name": "v", "metadata": {"description": "d"}, "limits": {"max-queues": 1}}],
                       "permissions": [{"user": "u", "vhost": "v", "configure": "a", "write": "b", "read": "c"}]});
    let again =
        json!({"users": [{"name": "u", "password": "x", "tags": "management"}], "vhosts": [{"name": "v"}]});
    apply(&core, &[first.into(), again.into()], &Seed::default()).unwrap();
    let user = core.user("u").unwrap();
    assert!(user.password.matches(b"x") && user.permissions("v").is_some());
    assert_eq!(user.limits.max_channels, Some(Limit(1)));
    let details = core.vhost("v").unwrap().details();
    assert_eq!((details.description.as_str(), details.limits.max_queues), ("d", Some(Limit(1))));
    let cleared = json!({"users": [{"name": "u", "tags": "", "limits": {}}]});
    apply(&core, &[cleared.into()], &Seed::default()).unwrap();
    assert_eq!(core.user("u").unwrap().limits.max_channels, None);
}

#[test]
fn a_limit_that_makes_no_sense_is_refused_with_rabbitmqs_text() {
    let table = [
        (
            json!({"users": [{"name": "u", "tags": "", "limits": {"max-channels": "x"}}]}),
            "users[0]: user 'u': max-channels should be a number, actually was <<\"x\">>",
        ),
        (
            json!({"vhosts": [{"name": "v", "limits": {"bogus": 1}}]}),
            "vhosts[0]: vhost 'v': Unrecognised terms [{<<\"bogus\">>,1}] in limits",
        ),
        (
            json!({"parameters": [{"component": "vhost-limits", "name": "limits", "vhost": "/", "value": {"max-queues": 1.5}}]}),
            "parameters[0]: max-queues should be a number, actually was 1.5",
        ),
    ];
    for (value, expected) in table {
        assert_eq!(refusal(value), format!("definitions: {expected}"));
    }
}

#[test]
fn policies_of_users_and_operators_apply_to_what_comes_after_them() {
    let core = applied(json!({
        "policies": [{"vhost": "/", "name": "p1", "pattern": "^q", "apply-to": "queues", "priority": 1,
                      "definition": {"max-length": 100, "dead-letter-exchange": "dead"}}],
        "parameters": [{"component": "operator_policy", "name": "op1", "vhost": "/",
                        "value": {"pattern": "^q", "apply-to": "queues", "priority": 0,
                                  "definition": {"max-length": 50}}}],
        "queues": [{"name": "q", "vhost": "/"}, {"name": "other", "vhost": "/"}],
    }));
    let vhost = core.vhost("/").unwrap();
    let settings = vhost.queue("q").unwrap().settings();
    assert_eq!(settings.max_length, Some(50));
    assert_eq!(settings.dead_letter.as_ref().unwrap().exchange, "dead");
    assert_eq!(vhost.queue("other").unwrap().settings().max_length, None);
}

#[test]
fn what_policies_said_of_clusters_is_left_out() {
    let policy = |name: &str, definition: Value| json!({"vhost": "/", "name": name, "pattern": "", "definition": definition});
    let core = applied(json!({
        "policies": [policy("ha", json!({"ha-mode": "all", "queue-master-locator": "min-masters"})),
                     policy("mixed", json!({"ha-mode": "all", "max-length": 5}))],
    }));
    let policies = core.vhost("/").unwrap().policies();
    let said: Vec<_> =
        policies.iter().map(|policy| (policy.spec().name.as_str(), policy.spec().definition.len())).collect();
    assert_eq!(said, [("mixed", 1)]);
}

#[test]
fn what_policies_say_of_federation_is_left_out_with_a_line_for_each() {
    let policy = |name: &str, definition: Value| json!({"vhost": "/", "name": name, "pattern": "", "definition": definition});
    let document = json!({"policies": [
        policy("fed", json!({"federation-upstream-set": "all"})),
        policy("one", json!({"federation-upstream": "up", "ha-mode": "all", "max-length": 5})),
    ]});
    let core = broker();
    core.add_vhost("/");
    let mut recipient =
        Recipient { core: &core, now: Timestamp::default(), effects: &mut Effects::default() };
    let report = import(&mut recipient, &document.to_string()).unwrap();
    let expected = [
        "left out of the policy 'fed', as there is no federation: federation-upstream-set",
        "left out of the policy 'one', as there is no cluster: ha-mode",
        "left out of the policy 'one', as there is no federation: federation-upstream",
    ];
    assert_eq!(report.skipped(), expected);
    let policies = core.vhost("/").unwrap().policies();
    let kept: Vec<_> = policies.iter().map(|policy| policy.spec().name.as_str()).collect();
    assert_eq!(kept, ["one"]);
}

#[test]
fn a_policy_that_makes_no_sense_is_refused_with_rabbitmqs_text() {
    let policy = |definition: Value| json!({"policies": [{"vhost": "/", "name": "p", "pattern": "", "definition": definition}]});
    for (definition, expected) in [
        (json!({"max-length": -1}), "-1 is not a valid maximum length"),
        (json!({}), "no policy provided"),
        (json!({"bogus": 3}), "[{<<\"bogus\">>,3}] are not recognised policy settings"),
    ] {
        assert_eq!(refusal(policy(definition)), format!("definitions: policies[0]: policy 'p': {expected}"));
    }
}

#[test]
fn parameters_are_kept_whoever_they_are_for_and_the_broker_keeps_its_own_name() {
    let core = applied(json!({
        "global_parameters": [
            {"name": "cluster_name", "value": "rabbit@host"},
            {"name": "cluster_tags", "value": {"env": "dev"}},
            {"name": "internal_cluster_id", "value": "of another"},
            {"name": "mqtt_port_to_vhost_mapping", "value": {"1883": "v"}},
        ],
        "parameters": [{"component": "vhost-limits", "name": "limits", "vhost": "/", "value": []},
                       {"component": "federation-upstream", "name": "up", "vhost": "/", "value": {"uri": "amqp://"}}],
        "policies": [], "topic_permissions": [],
    }));
    let told = export(&core, None);
    assert_eq!(
        told["global_parameters"],
        json!([{"name": "cluster_name", "value": "rabbit@host"},
               {"name": "cluster_tags", "value": {"env": "dev"}},
               {"name": "mqtt_port_to_vhost_mapping", "value": {"1883": "v"}}])
    );
    let upstream = json!([{"vhost": "/", "component": "federation-upstream", "name": "up", "value": {"uri": "amqp://"}}]);
    assert_eq!(told["parameters"], upstream);
    assert_eq!(told["original_cluster_name"], "rabbit@host");
    let id = core.global_parameter(parameters::CLUSTER_ID).unwrap();
    assert!(id.starts_with(b"\"leveret-cluster-id-"), "{id:?}");
    applied(told);
}

#[test]
fn an_identity_stays_and_no_two_are_the_same() {
    let id = |core: &Broker| core.global_parameter(parameters::CLUSTER_ID).unwrap();
    let (one, other) = (applied(json!({})), applied(json!({})));
    assert_ne!(id(&one), id(&other));
    let before = id(&one);
    apply(&one, &[], &Seed::default()).unwrap();
    assert_eq!(id(&one), before);
}

#[test]
fn tracing_is_switched_on_by_a_file_and_stays_where_it_says_nothing() {
    let core =
        applied(json!({"vhosts": [{"name": "on", "tracing": true}, {"name": "off", "tracing": false}]}));
    let is_traced = |name: &str| core.vhost(name).unwrap().is_traced();
    assert!(is_traced("on") && !is_traced("off"));
    apply(&core, &[json!({"vhosts": [{"name": "on"}]}).into()], &Seed::default()).unwrap();
    assert!(is_traced("on"));
}

#[test]
fn a_directory_is_read_in_the_order_of_its_names() {
    let directory = tempfile::tempdir().unwrap();
    let user = |password: &str| format!(r#"{{"users":[{{"name":"a","password":"{password}","tags":""}}]}}"#);
    std::fs::write(directory.path().join("2.json"), user("second")).unwrap();
    std::fs::write(directory.path().join("1.json"), user("first")).unwrap();
    let core = broker();
    apply(&core, &[directory.path().into()], &Seed::default()).unwrap();
    assert!(core.user("a").unwrap().password.matches(b"second"));
}

#[test]
fn a_file_that_is_missing_or_wrong_is_named() {
    let refusal = |path: &Path| apply(&broker(), &[path.into()], &Seed::default()).unwrap_err().to_string();
    let missing = refusal("/no/such/file.json".as_ref());
    assert!(missing.starts_with("cannot read the definitions /no/such/file.json: No such file"), "{missing}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wrong.json");
    std::fs::write(&path, r#"{"queues": 7}"#).unwrap();
    let wrong = refusal(&path);
    assert!(
        wrong.ends_with(
            "wrong.json: queues: invalid type: integer `7`, expected a sequence at line 1 column 12"
        ),
        "{wrong}"
    );
}
