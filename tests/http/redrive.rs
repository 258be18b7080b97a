//! Dead letters sent back over HTTP.

use serde_json::{Value, json};

use crate::ask::{self, Asked};

const REDRIVE: &str = "/api/queues/%2F/dead/redrive";

/// A queue `tasks`, bound to `jobs` by `todo`, whose rejects go to `dead`.
async fn shop() -> Asked {
    let broker = ask::broker().await;
    let to_dead = json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"});
    broker.send("PUT", "/api/queues/%2F/tasks", &json!({"durable": true, "arguments": to_dead})).await;
    broker.send("PUT", "/api/queues/%2F/dead", &json!({"durable": true})).await;
    broker.send("PUT", "/api/exchanges/%2F/jobs", &json!({"type": "topic"})).await;
    broker.send("POST", "/api/bindings/%2F/e/jobs/q/tasks", &json!({"routing_key": "todo.*"})).await;
    broker
}

async fn publish(broker: &Asked, (exchange, key): (&str, &str), payload: &str, headers: Value) {
    let body = json!({"properties": {"headers": headers}, "routing_key": key, "payload": payload, "payload_encoding": "string"});
    let said = broker.say("POST", &format!("/api/exchanges/%2F/{exchange}/publish"), &body).await;
    assert_eq!(said.json()["routed"], true);
}

/// Takes what waits in `tasks`, as one who can do nothing with it.
async fn reject_all(broker: &Asked) {
    let body = json!({"count": -1, "ackmode": "reject_requeue_false", "encoding": "auto"});
    broker.say("POST", "/api/queues/%2F/tasks/get", &body).await;
}

async fn payloads(broker: &Asked, queue: &str) -> Vec<String> {
    let seen = broker.get(&format!("/api/queues/%2F/{queue}/messages")).await;
    let rows = seen["messages"].as_array().unwrap().iter();
    rows.map(|row| row["payload"].as_str().unwrap().to_owned()).collect()
}

async fn redrive(broker: &Asked, body: &Value) -> Value {
    let said = broker.say("POST", REDRIVE, body).await;
    assert_eq!(said.status, 200, "{}", said.json());
    said.json()
}

#[tokio::test]
async fn dead_letters_go_back_to_where_they_came_from_in_their_order() {
    let broker = shop().await;
    for (key, payload) in [("todo.a", "1"), ("todo.b", "2"), ("todo.a", "3")] {
        publish(&broker, ("jobs", key), payload, json!({"own": payload})).await;
    }
    reject_all(&broker).await;
    assert_eq!(payloads(&broker, "dead").await, ["1", "2", "3"]);
    let dry = redrive(&broker, &json!({"dry_run": true})).await;
    let destinations = json!([
        {"exchange": "jobs", "routing_key": "todo.a", "messages": 2},
        {"exchange": "jobs", "routing_key": "todo.b", "messages": 1},
    ]);
    assert_eq!(
        (&dry["moved"], &dry["destinations"], &dry["dry_run"]),
        (&json!(3), &destinations, &json!(true))
    );
    assert_eq!(payloads(&broker, "dead").await.len(), 3, "a dry run moves nothing");
    let done = redrive(&broker, &json!({})).await;
    assert_eq!((&done["moved"], &done["failed"], &done["skipped"]), (&json!(3), &json!(0), &json!(0)));
    assert_eq!(done["destinations"], destinations);
    assert_eq!(payloads(&broker, "tasks").await, ["1", "2", "3"]);
    assert!(payloads(&broker, "dead").await.is_empty());
    let back = broker.get("/api/queues/%2F/tasks/messages").await["messages"][0].clone();
    assert_eq!((&back["exchange"], &back["routing_key"]), (&json!("jobs"), &json!("todo.a")));
    assert_eq!(back["properties"]["headers"]["own"], "1");
    assert_eq!(broker.get("/api/queues/%2F/dead").await["messages_unacknowledged"], 0);
}

#[tokio::test]
async fn what_does_not_match_stays_in_its_order_and_unmarked() {
    let broker = shop().await;
    for (payload, colour) in [("1", "red"), ("2", "blue"), ("3", "red"), ("4", "blue"), ("5", "blue")] {
        publish(&broker, ("amq.default", "dead"), payload, json!({"colour": colour})).await;
    }
    let order = json!({"to": {"exchange": "", "routing_key": "tasks"}, "filter": {"header": {"colour": "blue"}}, "limit": 2});
    let done = redrive(&broker, &order).await;
    assert_eq!((&done["moved"], &done["skipped"]), (&json!(2), &json!(2)));
    assert_eq!(payloads(&broker, "tasks").await, ["2", "4"]);
    let left = broker.get("/api/queues/%2F/dead/messages").await;
    let left: Vec<_> = left["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["payload"], &row["redelivered"]))
        .collect();
    let unmarked = json!(false);
    assert_eq!(left, [(&json!("1"), &unmarked), (&json!("3"), &unmarked), (&json!("5"), &unmarked)]);
}

#[tokio::test]
async fn what_cannot_go_stays() {
    let broker = shop().await;
    publish(&broker, ("jobs", "todo.a"), "dies", json!({})).await;
    reject_all(&broker).await;
    publish(&broker, ("amq.default", "dead"), "never died", json!({})).await;
    broker.ask("DELETE", "/api/bindings/%2F/e/jobs/q/tasks/todo.%252A").send().await;
    let done = redrive(&broker, &json!({})).await;
    assert_eq!((&done["moved"], &done["failed"]), (&json!(0), &json!(2)));
    let reasons: Vec<&str> =
        done["failures"].as_array().unwrap().iter().map(|row| row["reason"].as_str().unwrap()).collect();
    assert_eq!(
        reasons,
        [
            "it has no x-death header that says where it came from",
            "no queue is bound to exchange 'jobs' for it"
        ]
    );
    // An exchange that is gone closes the channel; the next message has another one.
    broker.ask("DELETE", "/api/exchanges/%2F/jobs").send().await;
    let done = redrive(&broker, &json!({})).await;
    assert_eq!(done["failed"], 2);
    assert_eq!(payloads(&broker, "dead").await, ["dies", "never died"]);
}

#[tokio::test]
async fn messages_that_come_back_at_once_are_not_sent_again() {
    let broker = shop().await;
    publish(&broker, ("amq.default", "dead"), "1", json!({})).await;
    let to_itself = json!({"to": {"exchange": "", "routing_key": "dead"}});
    let done = redrive(&broker, &to_itself).await;
    assert_eq!(done["moved"], 1);
    assert_eq!(payloads(&broker, "dead").await, ["1"]);
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    let broker = shop().await;
    for body in [
        json!({"to": "tasks"}),
        json!({"to": {}}),
        json!({"filter": {"colour": "red"}}),
        json!({"filter": 5}),
        json!({"limit": -1}),
        json!({"rate_per_second": 0}),
        json!({"dry_run": "maybe"}),
    ] {
        assert_eq!(broker.send("POST", REDRIVE, &body).await, 400, "{body}");
    }
    assert_eq!(broker.send("POST", REDRIVE, &json!({"to": {"exchange": "nope"}})).await, 404);
    assert_eq!(broker.send("POST", "/api/queues/%2F/nope/redrive", &json!({})).await, 404);
}

#[tokio::test]
async fn what_a_delayed_exchange_has_taken_has_gone() {
    let broker = shop().await;
    let later = json!({"type": "x-delayed-message", "arguments": {"x-delayed-type": "direct"}});
    broker.send("PUT", "/api/exchanges/%2F/later", &later).await;
    publish(&broker, ("amq.default", "dead"), "1", json!({"x-delay": 3_600_000})).await;
    let done = redrive(&broker, &json!({"to": {"exchange": "later"}})).await;
    assert_eq!((&done["moved"], &done["failed"]), (&json!(1), &json!(0)), "{done}");
    assert!(payloads(&broker, "dead").await.is_empty());
    let held = broker.get("/api/exchanges/%2F/later/delayed").await;
    assert_eq!(held["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_history_that_its_publisher_wrote_leads_nowhere() {
    let broker = shop().await;
    let forged = json!({"x-death": [{"exchange": "", "routing-keys": ["tasks"], "queue": "w"}]});
    publish(&broker, ("amq.default", "dead"), "forged", forged.clone()).await;
    publish(&broker, ("jobs", "todo.a"), "died", forged).await;
    reject_all(&broker).await;
    let done = redrive(&broker, &json!({})).await;
    let failures = json!([{"reason": "its x-death header was written by its publisher", "messages": 1}]);
    assert_eq!((&done["moved"], &done["failures"]), (&json!(1), &failures));
    assert_eq!(payloads(&broker, "tasks").await, ["died"]);
    assert_eq!(payloads(&broker, "dead").await, ["forged"]);
}

#[tokio::test]
async fn an_exchange_that_is_gone_is_asked_once() {
    let broker = shop().await;
    for payload in ["1", "2", "3"] {
        publish(&broker, ("jobs", "todo.a"), payload, json!({})).await;
    }
    reject_all(&broker).await;
    broker.ask("DELETE", "/api/exchanges/%2F/jobs").send().await;
    let done = redrive(&broker, &json!({})).await;
    let failures = json!([{"reason": "NOT_FOUND - no exchange 'jobs' in vhost '/'", "messages": 3}]);
    assert_eq!((&done["moved"], &done["failures"]), (&json!(0), &failures));
    let dead = broker.get("/api/queues/%2F/dead").await;
    assert_eq!((&dead["messages_ready"], &dead["message_stats"]["get"]), (&json!(3), &json!(1)));
}
