//! Every definition comes back from the log as it was given.

use leveret_codec::{TableBuilder, Value};
use leveret_core::model::{
    ApplyTo, Limit, PasswordHash, Permissions, Policy, PolicySpec, QueueKind, User, VhostDetails, VhostLimits,
};

use super::*;

fn arguments() -> Table {
    TableBuilder::new().insert("x-message-ttl", Value::I32(5)).insert("raw", Value::Bytes(&[0xFF])).build()
}

fn vhost(name: &str, details: VhostDetails) -> Definition {
    Definition::Vhost { name: name.to_owned(), details: Arc::new(details) }
}

fn policy_of(kind: PolicyKind) -> Policy {
    let definition = [("max-length".to_owned(), 5.into()), ("overflow".to_owned(), "drop-head".into())];
    Policy::new(PolicySpec {
        kind,
        name: "p".to_owned(),
        pattern: "^(?!a)".to_owned(),
        apply_to: ApplyTo::QuorumQueues,
        priority: 1.5,
        definition: definition.into(),
    })
    .unwrap()
}

fn binding(routing_key: &'static [u8]) -> DurableBinding {
    DurableBinding {
        vhost: "/".to_owned(),
        source: "orders".to_owned(),
        destination: BindingEnd::Queue("orders.eu".to_owned()),
        routing_key: Bytes::from_static(routing_key),
        arguments: arguments(),
    }
}

/// The definition after a way through the log, shown as text: some of its parts compare by text alone.
fn there_and_back(definition: &Definition) -> String {
    let (key, value) = encode(definition);
    format!("{:?}", decode(key.as_bytes(), value.unwrap().as_bytes()).unwrap())
}

#[test]
fn every_type_of_exchange_comes_back_with_its_arguments() {
    for kind in ExchangeKind::all() {
        let spec = ExchangeSpec {
            name: "x".to_owned(),
            kind,
            durable: true,
            auto_delete: false,
            internal: false,
            arguments: arguments(),
            holder: (kind == ExchangeKind::Delayed).then_some(QueueId(3)),
        };
        let definition = Definition::Exchange { vhost: "/".to_owned(), spec };
        assert_eq!(there_and_back(&definition), format!("{definition:?}"), "{kind}");
    }
}

#[test]
fn every_kind_of_definition_comes_back_as_it_was() {
    let mut user = User::new("jane", PasswordHash::of("secret", [1, 2, 3, 4]), vec!["monitoring".to_owned()]);
    user.set_permissions("/", Permissions::new("^a", "", ".*"));
    user.set_topic_permissions(("/", "amq.topic"), "^{username}", ".*");
    user.limits.max_channels = Some(Limit(9));
    let described = VhostDetails {
        description: "shop".to_owned(),
        tags: vec!["a".to_owned()],
        default_queue_type: Some(QueueKind::Quorum),
        protected_from_deletion: true,
        limits: VhostLimits { max_queues: Some(Limit(-1)), ..VhostLimits::default() },
    };
    let exchange = ExchangeSpec {
        name: "orders".to_owned(),
        kind: ExchangeKind::Topic,
        durable: true,
        auto_delete: true,
        internal: true,
        arguments: arguments(),
        holder: None,
    };
    let queue = Definition::Queue {
        vhost: "a \"b\"".to_owned(),
        id: QueueId(7),
        name: "q\n".to_owned(),
        auto_delete: true,
        arguments: arguments(),
    };
    let policy = |kind| Definition::Policy { vhost: "/".to_owned(), policy: Arc::new(policy_of(kind)) };
    let parameter = Parameter {
        vhost: "/".to_owned(),
        component: "shovel".to_owned(),
        name: "s".to_owned(),
        value: Bytes::from_static(br#"{"b":1, "a":[]}"#),
    };
    let tags =
        GlobalParameter { name: "cluster_tags".to_owned(), value: Bytes::from_static(br#"{"env":"dev"}"#) };
    let definitions = [
        Definition::Parameter(parameter),
        Definition::GlobalParameter(tags),
        policy(PolicyKind::User),
        policy(PolicyKind::Operator),
        vhost("/", VhostDetails::default()),
        vhost("v", described),
        Definition::User(user),
        Definition::Exchange { vhost: "/".to_owned(), spec: exchange },
        queue,
        Definition::Binding(binding(b"eu.#")),
        Definition::Binding(binding(b"\xFF\x00")),
        Definition::Binding(binding(b"\0base64:")),
    ];
    for definition in definitions {
        assert_eq!(there_and_back(&definition), format!("{definition:?}"));
    }
}

#[test]
fn what_says_nothing_is_written_and_read_as_it_always_was() {
    assert_eq!(encode(&vhost("/", VhostDetails::default())).1.unwrap(), "{}");
    let user = User::new("u", PasswordHash::default(), Vec::new());
    let written = r#"{"password_hash":"","hashing_algorithm":"rabbit_password_hashing_sha256","tags":[],"permissions":{}}"#;
    assert_eq!(encode(&Definition::User(user)).1.unwrap(), written);
    assert!(decode(br#"["user","u"]"#, written.as_bytes()).is_ok());
    assert!(decode(br#"["vhost","/"]"#, b"{}").is_ok());
}

#[test]
fn a_password_matches_after_a_way_through_the_log() {
    let user = User::new("jane", PasswordHash::of("secret", [1, 2, 3, 4]), Vec::new());
    let (key, value) = encode(&Definition::User(user));
    let Ok(Definition::User(user)) = decode(key.as_bytes(), value.unwrap().as_bytes()) else {
        panic!("no user")
    };
    assert!(user.password.matches(b"secret") && !user.password.matches(b"other"));
}

#[test]
fn what_is_gone_has_the_key_of_what_was_there_and_no_value() {
    let pairs = [
        (vhost("v", VhostDetails::default()), Definition::NoVhost("v".into())),
        (Definition::Binding(binding(b"k")), Definition::NoBinding(binding(b"k"))),
    ];
    for (there, gone) in pairs {
        assert_eq!(encode(&gone), (encode(&there).0, None));
    }
}

#[test]
fn what_makes_no_sense_is_named() {
    assert!(decode(br#"["global_parameter","g"]"#, b"{").is_err());
    let error = decode(br#"["stream","/","s"]"#, b"{}").unwrap_err().to_string();
    assert!(error.contains(r#"["stream","/","s"] = {} (a kind of entity"#), "{error}");
    assert!(decode(b"\xFF", b"").is_err() && decode(br#"["queue","/","q"]"#, b"{}").is_err());
}
