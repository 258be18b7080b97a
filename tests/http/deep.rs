//! Queues whose messages have left memory, and what is there after a restart.

use leveret::Broker;
use leveret_codec::PropertiesBuilder;
use leveret_codec::field::{TableBuilder, Value as Field};
use leveret_codec::method::basic;
use serde_json::{Value, json};

use crate::ask::{self, Asked};
use crate::support::{Peer, publish_with};

const MESSAGES: usize = 600;
const BODY: [u8; 4096] = [b'x'; 4096];
/// What a queue may hold in memory, as little as that can be.
const BUDGET_BYTES: u64 = 256 * 1024;

/// A broker on a directory that has nearly no memory for queues.
async fn narrow(directory: &std::path::Path) -> Asked {
    let builder = Broker::builder().data_dir(directory);
    ask::start(builder.memory_high_watermark_bytes(1 << 20).memory_measure(|| Some(0))).await
}

/// Numbered messages, all but the first and last of which are in pages.
async fn fill(broker: &Asked) {
    for queue in ["deep", "other"] {
        broker.send("PUT", &format!("/api/queues/%2F/{queue}"), &json!({"durable": true})).await;
    }
    let mut peer = Peer::open_channel(broker.broker.amqp_addr()).await;
    for number in 0..MESSAGES {
        let headers =
            TableBuilder::new().insert("m", Field::I64(i64::try_from(number % 100).unwrap())).build();
        let properties = PropertiesBuilder::new().headers(headers.as_ref()).delivery_mode(2).build();
        let publish = basic::Publish { routing_key: "deep".into(), ..Default::default() };
        peer.send_bytes(&publish_with(1, publish, &properties, &BODY)).await;
    }
    // Its answer comes when all before it has been handled.
    peer.declare(1, "last").await;
}

/// The positions of all that wait, found a page at a time.
async fn positions(broker: &Asked, queue: &str) -> Vec<u64> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/queues/%2F/{queue}/messages?limit=70&payload=false&after={after}");
        let part = broker.get(&path).await;
        let rows = part["messages"].as_array().unwrap();
        found.extend(rows.iter().map(|row| row["position"].as_u64().unwrap()));
        match &part["next"] {
            Value::String(next) => after.clone_from(next),
            _ => return found,
        }
    }
}

#[tokio::test]
async fn messages_that_have_left_memory_are_seen_and_sent_without_coming_back_to_stay() {
    let directory = tempfile::tempdir().unwrap();
    let broker = narrow(directory.path()).await;
    fill(&broker).await;
    let memory = async || broker.get("/api/queues/%2F/deep").await["memory"].as_u64().unwrap();
    assert!(memory().await < 2 * BUDGET_BYTES, "they have left memory");
    let all: Vec<u64> = (0..MESSAGES as u64).collect();
    assert_eq!(positions(&broker, "deep").await, all);
    let found = broker.get("/api/queues/%2F/deep/messages?header=m:99&truncate=3").await;
    assert_eq!((found["messages"].as_array().unwrap().len(), &found["looked_at"]), (6, &json!(MESSAGES)));
    assert_eq!(
        (&found["messages"][5]["payload"], &found["messages"][5]["position"]),
        (&json!("xxx"), &json!(599))
    );
    let order = json!({"to": {"exchange": "", "routing_key": "other"}, "filter": {"header": {"m": 99}}});
    let done = broker.say("POST", "/api/queues/%2F/deep/redrive", &order).await.json();
    assert_eq!((&done["moved"], &done["skipped"]), (&json!(6), &json!(594)));
    let left: Vec<u64> = all.into_iter().filter(|position| position % 100 != 99).collect();
    assert_eq!(positions(&broker, "deep").await, left);
    assert_eq!(positions(&broker, "other").await.len(), 6);
    assert!(memory().await < 2 * BUDGET_BYTES, "and have not come back");
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let broker = narrow(directory.path()).await;
    broker.send("PUT", "/api/queues/%2F/q", &json!({"durable": true})).await;
    broker.send("PUT", "/api/exchanges/%2F/x", &json!({"type": "topic", "durable": true})).await;
    broker.send("POST", "/api/bindings/%2F/e/x/q/q", &json!({"routing_key": "a.#"})).await;
    let message = json!({"properties": {"delivery_mode": 2}, "routing_key": "a.b", "payload": "kept", "payload_encoding": "string"});
    let said = broker.say("POST", "/api/exchanges/%2F/x/publish", &message).await;
    assert_eq!(said.json()["routed"], true);
    broker.broker.shutdown().await;
    let broker = narrow(directory.path()).await;
    let binding = broker.get("/api/bindings/%2F/e/x/q/q/a.%2523").await;
    assert_eq!(binding["routing_key"], "a.#");
    let seen = broker.get("/api/queues/%2F/q/messages").await;
    assert_eq!(
        (&seen["messages"][0]["payload"], &seen["messages"][0]["exchange"]),
        (&json!("kept"), &json!("x"))
    );
}
