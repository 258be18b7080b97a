//! Definitions of a RabbitMQ come into a broker and out again as they were.
//!
//! The fixtures are exports of RabbitMQ 4.3.6 with every kind of object that it exports, as they came from it but for
//! the names.
#![cfg(test)]

mod support;

use leveret::Broker;
use leveret_codec::method::{Method, queue};
use serde_json::{Map, Value};

const WHOLE: &str = include_str!("fixtures/rabbitmq-4.3-definitions.json");
const SINGLE: &str = include_str!("fixtures/rabbitmq-4.3-definitions-of-a-vhost.json");

/// What names the exporting broker and its version.
const HEADING: &[&str] = &[
    "explanation",
    "original_cluster_name",
    "product_name",
    "product_version",
    "rabbit_version",
    "rabbitmq_version",
];

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Without the heading, and with every list in one order: RabbitMQ's is by chance.
fn comparable(document: &Value) -> Map<String, Value> {
    let mut document = document.as_object().unwrap().clone();
    document.retain(|key, _| !HEADING.contains(&key.as_str()));
    for list in document.values_mut().filter_map(Value::as_array_mut) {
        list.sort_by_key(Value::to_string);
    }
    document
}

async fn broker(definitions: Value) -> Broker {
    Broker::builder().ephemeral().definitions(definitions).start().await.unwrap()
}

#[tokio::test]
async fn what_rabbitmq_exports_is_exported_again_as_it_was() {
    let broker = broker(parsed(WHOLE)).await;
    let exported = broker.export_definitions(None).unwrap();
    assert_eq!(comparable(&exported), comparable(&parsed(WHOLE)));
    for key in HEADING {
        assert!(exported[key].is_string(), "{key}");
    }
    assert_eq!(exported["original_cluster_name"], "leveret@localhost");
}

#[tokio::test]
async fn a_virtual_host_is_exported_without_its_name() {
    let broker = broker(parsed(WHOLE)).await;
    let exported = broker.export_definitions(Some("shop")).unwrap();
    assert_eq!(comparable(&exported), comparable(&parsed(SINGLE)));
    assert_eq!(exported["explanation"], "Definitions of virtual host 'shop'");
    assert!(broker.export_definitions(Some("nope")).is_none());
}

#[tokio::test]
async fn an_export_of_a_virtual_host_comes_into_another() {
    let broker = broker(serde_json::json!({"vhosts": [{"name": "copy"}]})).await;
    let report = broker.import_definitions(SINGLE, Some("copy")).unwrap();
    assert_eq!(report, leveret::ApplyReport::default());
    let exported = broker.export_definitions(Some("copy")).unwrap();
    let mut expected = comparable(&parsed(SINGLE));
    // The limits came among the parameters; what is said of the virtual host stays where it was (as in RabbitMQ).
    let own = ["description", "metadata", "original_vhost_name"];
    let of = |document: &Value| {
        let mut document = comparable(document);
        document.retain(|key, _| !own.contains(&key.as_str()));
        document
    };
    expected.retain(|key, _| !own.contains(&key.as_str()));
    assert_eq!(of(&exported), expected);
    let error = broker.import_definitions(SINGLE, Some("nope")).unwrap_err().to_string();
    assert!(
        error.ends_with(r#"Please create virtual host "nope" prior to importing definitions."#),
        "{error}"
    );
    let error = broker.import_definitions(SINGLE, None).unwrap_err().to_string();
    assert!(error.contains("if this is an export of a single virtual host, import it into one"), "{error}");
}

#[tokio::test]
async fn what_was_imported_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let start = || Broker::builder().data_dir(directory.path()).start();
    let first = start().await.unwrap();
    first.import_definitions(WHOLE, None).unwrap();
    let shovel =
        r#"{"parameters": [{"component": "shovel", "vhost": "shop", "name": "s", "value": {"a": [1.5]}}]}"#;
    let report = first.import_definitions(shovel, None).unwrap();
    let line = "the shovel 's' in vhost 'shop' is kept and listed, but nothing here acts on it";
    assert_eq!(report.skipped(), [line]);
    let exported = first.export_definitions(None).unwrap();
    first.shutdown().await;
    let second = start().await.unwrap();
    let mut expected = comparable(&exported);
    // What is not durable has gone with the broker.
    let is_gone = |row: &Value| row["name"] == "dead" || row["name"] == "of.the.moment";
    for list in expected.values_mut().filter_map(Value::as_array_mut) {
        list.retain(|row| !is_gone(row));
    }
    assert_eq!(comparable(&second.export_definitions(None).unwrap()), expected);
    second.shutdown().await;
}

#[tokio::test]
async fn importing_again_finds_no_difference_and_importing_another_reports_each() {
    let broker = broker(parsed(WHOLE)).await;
    assert_eq!(broker.import_definitions(WHOLE, None).unwrap(), leveret::ApplyReport::default());
    let other = r#"{"queues": [{"name": "plain", "vhost": "plain", "durable": false, "arguments": {"x-max-length": 20}},
                              {"name": "orders.eu", "vhost": "shop", "type": "quorum",
                               "arguments": {"x-max-length": 20, "x-dead-letter-exchange": "dead", "x-max-priority": 5,
                                             "x-message-ttl": 3600000}},
                              {"name": "amq.own", "vhost": "shop"}],
                    "exchanges": [{"name": "orders", "vhost": "shop", "type": "fanout",
                                   "arguments": {"alternate-exchange": "unrouted"}}]}"#;
    let report = broker.import_definitions(other, None).unwrap();
    let expected = [
        r#"exchange 'orders' in vhost 'shop': type is "topic", the file says "fanout""#,
        "queue 'plain' in vhost 'plain': durable is true, the file says false",
        "queue 'plain' in vhost 'plain': x-max-length is not set, the file says 20",
        r#"queue 'orders.eu' in vhost 'shop': x-queue-type is "classic", the file says "quorum""#,
        "queue 'orders.eu' in vhost 'shop': x-max-length is 10000, the file says 20",
    ];
    assert_eq!(report.differences(), expected);
    assert_eq!(report.skipped(), ["skipped the queue 'amq.own': its name is reserved"]);
    assert_eq!(comparable(&broker.export_definitions(None).unwrap()), comparable(&parsed(WHOLE)));
}

#[tokio::test]
async fn a_broker_tells_what_its_settings_call_it() {
    let settings = leveret::Settings {
        node: "one@here".to_owned(),
        cluster_name: Some("shop".to_owned()),
        cluster_tags: [("env".to_owned(), "dev".to_owned())].into(),
        default_queue_type: leveret::DefaultQueueType::Quorum,
        ..leveret::Settings::default()
    };
    let definitions = serde_json::json!({
        "queues": [{"name": "a", "vhost": "/"}, {"name": "b", "vhost": "/", "auto_delete": true}],
    });
    let builder = Broker::builder().settings(settings.clone()).ephemeral();
    let broker = builder.definitions(definitions).start().await.unwrap();
    let exported = broker.export_definitions(None).unwrap();
    assert_eq!(exported["original_cluster_name"], "shop");
    let tags = serde_json::json!([{"name": "cluster_tags", "value": {"env": "dev"}}]);
    assert_eq!(exported["global_parameters"], tags);
    assert_eq!(exported["vhosts"][0]["metadata"]["default_queue_type"], "quorum");
    assert_eq!(
        (&exported["queues"][0]["type"], &exported["queues"][1]["type"]),
        (&"quorum".into(), &"classic".into())
    );
    let renamed = r#"{"global_parameters": [{"name": "cluster_name", "value": "store"}]}"#;
    broker.import_definitions(renamed, None).unwrap();
    assert_eq!(broker.export_definitions(None).unwrap()["original_cluster_name"], "store");
    let nameless = leveret::Settings { cluster_name: None, ..settings };
    let broker = Broker::builder().settings(nameless).ephemeral().start().await.unwrap();
    assert_eq!(broker.export_definitions(None).unwrap()["original_cluster_name"], "one@here");
}

/// Whoever exports must be able to import: RabbitMQ's export has such bindings, and its import refuses them.
#[tokio::test]
async fn what_is_not_exported_has_no_bindings_in_the_export() {
    let definitions = serde_json::json!({
        "exchanges": [{"name": "inner", "vhost": "/", "type": "fanout", "internal": true},
                      {"name": "outer", "vhost": "/", "type": "fanout"}],
        "queues": [{"name": "q", "vhost": "/"}],
        "bindings": [
            {"source": "outer", "vhost": "/", "destination": "inner", "destination_type": "exchange"},
            {"source": "inner", "vhost": "/", "destination": "q", "destination_type": "queue"},
            {"source": "amq.topic", "vhost": "/", "destination": "q", "destination_type": "queue"},
        ],
    });
    let broker = broker(definitions).await;
    let mut peer = support::Peer::open_channel(broker.amqp_addr()).await;
    let mine = queue::Declare { queue: "mine".into(), exclusive: true, ..queue::Declare::default() };
    peer.ask(1, Method::Queue(queue::AMQPMethod::Declare(mine))).await;
    let bind = queue::Bind { queue: "mine".into(), exchange: "outer".into(), ..queue::Bind::default() };
    peer.ask(1, Method::Queue(queue::AMQPMethod::Bind(bind))).await;
    let exported = broker.export_definitions(Some("/")).unwrap();
    let names = |list: &str, key: &str| -> Vec<Value> {
        exported[list].as_array().unwrap().iter().map(|row| row[key].clone()).collect()
    };
    assert_eq!(names("exchanges", "name"), ["outer"]);
    assert_eq!(names("queues", "name"), ["q"]);
    assert_eq!(names("bindings", "source"), ["amq.topic"]);
}

#[tokio::test]
async fn definitions_that_have_not_changed_are_left_alone_if_that_is_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("definitions.json");
    let user = |tags: &str| format!(r#"{{"users":[{{"name":"a","password":"p","tags":"{tags}"}}]}}"#);
    let start = || {
        let settings = leveret::Settings { skip_unchanged_definitions: true, ..leveret::Settings::default() };
        let builder = Broker::builder().settings(settings).data_dir(directory.path().join("data"));
        builder.definitions(file.as_path()).start()
    };
    let tags = |broker: &Broker| broker.export_definitions(None).unwrap()["users"][0]["tags"].clone();
    std::fs::write(&file, user("first")).unwrap();
    let first = start().await.unwrap();
    first.import_definitions(&user("by-hand"), None).unwrap();
    first.shutdown().await;
    let second = start().await.unwrap();
    assert_eq!(tags(&second), serde_json::json!(["by-hand"]));
    second.shutdown().await;
    std::fs::write(&file, user("changed")).unwrap();
    let third = start().await.unwrap();
    assert_eq!(tags(&third), serde_json::json!(["changed"]));
    third.shutdown().await;
}
