//! Queues over HTTP.

use serde_json::{Value, json};

use crate::ask::{self, Asked};

fn names(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
}

async fn declare(broker: &Asked, name: &str, body: &Value) -> u16 {
    broker.send("PUT", &format!("/api/queues/%2F/{name}"), body).await
}

#[tokio::test]
async fn a_queue_is_declared_once_and_again_if_it_is_the_same() {
    let broker = ask::broker().await;
    let arguments = json!({"durable": "true", "auto_delete": "false", "arguments": {"x-max-length": 10}});
    assert_eq!(declare(&broker, "q", &arguments).await, 201);
    assert_eq!(declare(&broker, "q", &arguments).await, 204);
    let said = broker.say("PUT", "/api/queues/%2F/q", &json!({"durable": false})).await;
    let reason =
        "inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'";
    assert_eq!((said.status, said.reason()), (400, json!(reason)));
    let without_body = broker.ask("PUT", "/api/queues/%2F/bare").send().await;
    assert_eq!(without_body.status, 201);
    assert_eq!(broker.get("/api/queues/%2F/bare").await["durable"], false);
}

#[tokio::test]
async fn what_cannot_be_declared_is_refused_in_rabbitmqs_words() {
    let broker = ask::broker().await;
    let refused = [
        (json!({"durable": "maybe"}), json!(["not_boolean", "maybe"])),
        (json!({"arguments": {"x": null}}), json!("null_not_allowed")),
        (json!({"node": "nope@x"}), json!("Node nope@x is not a cluster member")),
        (
            json!({"arguments": {"x-max-length": "x"}}),
            json!("invalid arg 'x-max-length' for queue 'q' in vhost '/': \"expected integer, got longstr\""),
        ),
        (
            json!({"arguments": {"x-queue-type": "quorum"}}),
            json!("invalid property 'non-durable' for queue 'q' in vhost '/'"),
        ),
    ];
    for (body, reason) in refused {
        let said = broker.say("PUT", "/api/queues/%2F/q", &body).await;
        assert_eq!((said.status, said.reason()), (400, reason), "{body}");
    }
    let said = broker.say("PUT", "/api/queues/%2F/amq.q", &json!({})).await;
    assert_eq!(
        (said.status, said.json()),
        (401, json!({"error": "not_authorised", "reason": "Access refused."}))
    );
    let said = broker.say("PUT", "/api/queues/nope/q", &json!({})).await;
    assert_eq!((said.status, said.reason()), (404, json!("vhost_not_found")));
    let long = "q".repeat(256);
    assert_eq!(declare(&broker, &long, &json!({})).await, 400);
    assert_eq!(broker.ask("PUT", "/api/queues/%2F/").send().await.status, 405);
}

#[tokio::test]
async fn a_queue_is_deleted_under_conditions() {
    let broker = ask::broker().await;
    declare(&broker, "q", &json!({})).await;
    publish(&broker, "q", "x").await;
    let said = broker.ask("DELETE", "/api/queues/%2F/q?if-empty=true").send().await;
    assert_eq!((said.status, said.reason()), (400, json!("queue 'q' in vhost '/' not empty")));
    assert_eq!(broker.ask("DELETE", "/api/queues/%2F/q/contents").send().await.status, 204);
    assert_eq!(broker.get("/api/queues/%2F/q").await["messages"], 0);
    assert_eq!(broker.ask("DELETE", "/api/queues/%2F/q?if-empty=true").send().await.status, 204);
    for path in ["/api/queues/%2F/q", "/api/queues/%2F/q/contents"] {
        let said = broker.ask("DELETE", path).send().await;
        assert_eq!((said.status, said.reason()), (404, json!("Not Found")));
    }
}

#[tokio::test]
async fn lists_leave_out_what_one_queue_tells() {
    let broker = ask::broker().await;
    declare(&broker, "a%2Fb", &json!({"durable": true})).await;
    declare(&broker, "q", &json!({"durable": true, "arguments": {"x-queue-type": "quorum"}})).await;
    let list = broker.get("/api/queues/%2F").await;
    assert_eq!(names(&list), ["a/b", "q"]);
    assert_eq!(list[0]["arguments"], json!({"x-queue-type": "classic"}));
    for absent in ["policy", "exclusive_consumer_tag", "garbage_collection", "consumer_details"] {
        assert!(list[0].get(absent).is_none(), "{absent}");
    }
    assert_eq!(list[1]["delivery_limit"], 20);
    let one = broker.get("/api/queues/%2F/a%2Fb").await;
    assert_eq!((&one["policy"], &one["consumer_details"]), (&Value::Null, &json!([])));
    assert!(one["garbage_collection"].is_object() && one.get("message_stats").is_none());
    let detailed = broker.get("/api/queues/detailed").await;
    assert!(detailed[0].as_object().unwrap().contains_key("policy"));
    // Columns may name what only the long form has.
    let columns = broker.get("/api/queues?columns=name,policy").await;
    assert_eq!(columns[0], json!({"name": "a/b", "policy": null}));
    let plain = broker.get("/api/queues?disable_stats=true").await;
    assert!(plain[0].get("messages").is_none() && plain[0]["policy"].is_null());
    let totals = broker.get("/api/queues?disable_stats=true&enable_queue_totals=true").await;
    assert_eq!((&totals[0]["messages"], totals[0].get("memory")), (&json!(0), None));
}

#[tokio::test]
async fn queues_come_page_by_page_in_any_order() {
    let broker = ask::broker().await;
    for (at, name) in ["a", "b", "c"].into_iter().enumerate() {
        declare(&broker, name, &json!({})).await;
        for _ in 0..at {
            publish(&broker, name, "x").await;
        }
    }
    let page = broker.get("/api/queues?page=1&page_size=2&sort=messages&sort_reverse=true").await;
    assert_eq!((names(&page["items"]), &page["page_count"]), (vec!["c", "b"], &json!(2)));
    assert_eq!(page["items"][0]["message_stats"]["publish"], 2);
    assert_eq!(names(&broker.get("/api/queues/%2F?page=2&page_size=2").await["items"]), ["c"]);
    // What is equal is by name.
    assert_eq!(names(&broker.get("/api/queues?sort=consumers").await), ["a", "b", "c"]);
}

#[tokio::test]
async fn there_are_no_actions() {
    let broker = ask::broker().await;
    declare(&broker, "q", &json!({})).await;
    let path = "/api/queues/%2F/q/actions";
    assert_eq!(
        broker.say("POST", path, &json!({"action": "sync"})).await.reason(),
        json!(["unknown", "sync"])
    );
    assert_eq!(broker.say("POST", path, &json!({})).await.reason(), "[{key_missing,action}]");
    assert_eq!(broker.ask("GET", "/api/queues/%2F/q/contents").send().await.status, 405);
}

async fn publish(broker: &Asked, key: &str, payload: &str) {
    let body =
        json!({"properties": {}, "routing_key": key, "payload": payload, "payload_encoding": "string"});
    let said = broker.say("POST", "/api/exchanges/%2F//publish", &body).await;
    assert_eq!(said.json(), json!({"routed": true}));
}
