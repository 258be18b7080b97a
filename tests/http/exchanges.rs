//! Exchanges over HTTP.

use serde_json::json;

use crate::ask;

#[tokio::test]
async fn the_default_exchange_has_two_names_in_paths() {
    let broker = ask::broker().await;
    for path in ["/api/exchanges/%2F//", "/api/exchanges/%2f/amq.default"] {
        let exchange = broker.get(path).await;
        assert_eq!((&exchange["name"], &exchange["type"]), (&json!(""), &json!("direct")));
        assert_eq!((&exchange["incoming"], &exchange["durable"]), (&json!([]), &json!(true)));
        let said = broker.ask("DELETE", path).send().await;
        assert_eq!((said.status, said.reason()), (401, json!("Access refused.")));
    }
    let said = broker.say("PUT", "/api/exchanges/%2F//", &json!({"type": "direct"})).await;
    assert_eq!(said.status, 401);
}

#[tokio::test]
async fn an_exchange_is_declared_and_deleted() {
    let broker = ask::broker().await;
    let path = "/api/exchanges/%2F/x";
    assert_eq!(broker.ask("PUT", path).send().await.status, 201);
    assert_eq!(broker.send("PUT", path, &json!({"type": "direct"})).await, 204);
    let said = broker.say("PUT", path, &json!({"type": "topic"})).await;
    let reason =
        "inequivalent arg 'type' for exchange 'x' in vhost '/': received 'topic' but current is 'direct'";
    assert_eq!((said.status, said.reason()), (400, json!(reason)));
    for kind in [json!("nope"), json!(5)] {
        let said = broker.say("PUT", "/api/exchanges/%2F/y", &json!({"type": kind})).await;
        let word = kind.as_str().unwrap_or("5");
        assert_eq!((said.status, said.reason()), (400, json!(format!("invalid exchange type '{word}'"))));
    }
    broker.send("PUT", "/api/queues/%2F/q", &json!({})).await;
    assert_eq!(broker.send("POST", "/api/bindings/%2F/e/x/q/q", &json!({})).await, 201);
    let said = broker.ask("DELETE", &format!("{path}?if-unused=true")).send().await;
    assert_eq!((said.status, said.reason()), (400, json!("exchange 'x' in vhost '/' in use")));
    assert_eq!(broker.ask("DELETE", path).send().await.status, 204);
    assert_eq!(broker.ask("DELETE", path).send().await.status, 404);
}

#[tokio::test]
async fn an_exchange_counts_what_came_and_what_went_on() {
    let broker = ask::broker().await;
    broker.send("PUT", "/api/queues/%2F/q", &json!({})).await;
    broker.send("PUT", "/api/exchanges/%2F/x", &json!({"type": "fanout"})).await;
    broker.send("POST", "/api/bindings/%2F/e/x/q/q", &json!({})).await;
    assert!(broker.get("/api/exchanges/%2F/x").await.get("message_stats").is_none());
    let body = json!({"properties": {}, "routing_key": "", "payload": "", "payload_encoding": "string"});
    assert_eq!(broker.say("POST", "/api/exchanges/%2F/x/publish", &body).await.json()["routed"], true);
    let stats = broker.get("/api/exchanges/%2F/x").await["message_stats"].clone();
    assert_eq!((&stats["publish_in"], &stats["publish_out"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn exchanges_of_a_virtual_host_are_those_that_are_always_there() {
    let broker = ask::broker().await;
    let rows = broker.get("/api/exchanges/%2F?columns=name,type,internal").await;
    let expected = json!([
        {"name": "", "type": "direct", "internal": false},
        {"name": "amq.direct", "type": "direct", "internal": false},
        {"name": "amq.fanout", "type": "fanout", "internal": false},
        {"name": "amq.headers", "type": "headers", "internal": false},
        {"name": "amq.match", "type": "headers", "internal": false},
        {"name": "amq.rabbitmq.trace", "type": "topic", "internal": true},
        {"name": "amq.topic", "type": "topic", "internal": false},
    ]);
    assert_eq!(rows, expected);
    let page = broker.get("/api/exchanges?page=1&page_size=2&name=amq").await;
    assert_eq!((&page["filtered_count"], &page["item_count"]), (&json!(6), &json!(2)));
}
