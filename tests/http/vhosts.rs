//! `/api/vhosts`.

use serde_json::{Value, json};

use crate::ask::broker;

#[tokio::test]
async fn a_virtual_host_is_created_changed_and_deleted() {
    let broker = broker().await;
    assert_eq!(broker.ask("PUT", "/api/vhosts/v").send().await.status, 201);
    let v = broker.get("/api/vhosts/v").await;
    let plain = json!({
        "name": "v", "description": "", "tags": [], "default_queue_type": "classic",
        "protected_from_deletion": false, "tracing": false,
        "metadata": {"description": "", "tags": [], "default_queue_type": "classic"},
        "cluster_state": {"leveret@localhost": "running"},
    });
    assert_eq!(v, plain);
    let body = json!({"description": "d", "tags": "a,b", "default_queue_type": "quorum", "tracing": "true"});
    assert_eq!(broker.send("PUT", "/api/vhosts/v", &body).await, 204);
    let v = broker.get("/api/vhosts/v").await;
    assert_eq!(
        v["metadata"],
        json!({"description": "d", "tags": ["a", "b"], "default_queue_type": "quorum"})
    );
    assert_eq!((&v["tracing"], &v["tags"]), (&json!(true), &json!(["a", "b"])));
    // What is not said is taken back, but tracing goes on.
    assert_eq!(broker.send("PUT", "/api/vhosts/v", &json!({"tracing": false})).await, 204);
    assert_eq!(broker.get("/api/vhosts/v").await, plain);
    assert_eq!(broker.ask("DELETE", "/api/vhosts/v").send().await.status, 204);
    assert_eq!(broker.ask("DELETE", "/api/vhosts/v").send().await.status, 404);
    assert_eq!(broker.ask("GET", "/api/vhosts/v").send().await.status, 404);
}

#[tokio::test]
async fn who_creates_one_may_do_everything_in_it() {
    let broker = broker().await;
    broker.send("PUT", "/api/vhosts/v", &json!({})).await;
    let expected = json!({"user": "guest", "vhost": "v", "configure": ".*", "write": ".*", "read": ".*"});
    assert_eq!(broker.get("/api/permissions/v/guest").await, expected);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_nothing_is_created() {
    let broker = broker().await;
    let table: [(Value, Value); 5] = [
        (json!({"tracing": "maybe"}), json!(["not_boolean", "maybe"])),
        (json!({"default_queue_type": "nope"}), json!("nope is not a valid queue type")),
        (json!({"default_queue_type": 5}), json!("5 is not a valid default_queue_type value")),
        (json!({"default_queue_type": ""}), json!("default_queue_type must not be an empty string")),
        (json!([]), json!("not_json")),
    ];
    for (body, reason) in table {
        let said = broker.say("PUT", "/api/vhosts/v", &body).await;
        assert_eq!((said.status, said.reason()), (400, reason), "{body}");
    }
    assert_eq!(broker.ask("GET", "/api/vhosts/v").send().await.status, 404);
    assert_eq!(broker.ask("PUT", "/api/vhosts/").send().await.status, 405);
}

#[tokio::test]
async fn one_that_is_protected_is_not_deleted() {
    let broker = broker().await;
    broker.send("PUT", "/api/vhosts/v", &json!({})).await;
    let protection = "/api/vhosts/v/deletion/protection";
    assert_eq!(broker.ask("POST", protection).send().await.status, 204);
    let v = broker.get("/api/vhosts/v").await;
    assert_eq!(
        (&v["protected_from_deletion"], &v["metadata"]["protected_from_deletion"]),
        (&json!(true), &json!(true))
    );
    let said = broker.ask("DELETE", "/api/vhosts/v").send().await;
    let reason = "Refusing to delete virtual host 'v' because it is protected from deletion";
    assert_eq!((said.status, said.json()), (412, json!({"error": "precondition_failed", "reason": reason})));
    assert_eq!(broker.ask("DELETE", protection).send().await.status, 204);
    assert_eq!(broker.ask("DELETE", "/api/vhosts/v").send().await.status, 204);
    let said = broker.ask("POST", protection).send().await;
    let reason = "Cannot enable deletion protection of virtual host 'v' because it does not exist";
    assert_eq!((said.status, said.json()), (404, json!({"error": "not_found", "reason": reason})));
    assert_eq!(broker.ask("DELETE", protection).send().await.status, 404);
}

#[tokio::test]
async fn messages_are_counted_where_there_are_queues() {
    let broker = broker().await;
    broker.send("PUT", "/api/vhosts/v", &json!({})).await;
    assert_eq!(broker.send("PUT", "/api/queues/v/q", &json!({"durable": true})).await, 201);
    let message = json!({"properties": {}, "routing_key": "q", "payload": "x", "payload_encoding": "string"});
    assert_eq!(broker.send("POST", "/api/exchanges/v//publish", &message).await, 200);
    let v = broker.get("/api/vhosts/v").await;
    assert_eq!(
        (&v["messages"], &v["messages_ready"], &v["messages_unacknowledged"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert!(v["messages_details"]["rate"].is_number() && v["message_stats"]["publish"] == 1, "{v}");
    let listed = broker.get("/api/vhosts?columns=name,messages&sort=name").await;
    assert_eq!(listed, json!([{"name": "/"}, {"name": "v", "messages": 1}]));
    let without = broker.get("/api/vhosts/v?disable_stats=true").await;
    assert_eq!((&without["messages"], &without["message_stats"]), (&Value::Null, &Value::Null));
    let said = broker.ask("GET", "/api/vhosts?lengths_age=0&lengths_incr=5").send().await;
    assert_eq!((said.status, &said.json()["error"]), (400, &json!("invalid_range_parameters")));
}

#[tokio::test]
async fn virtual_hosts_run_already() {
    let broker = broker().await;
    assert_eq!(broker.ask("POST", "/api/vhosts/%2F/start/leveret@localhost").send().await.status, 204);
    let said = broker.ask("POST", "/api/vhosts/%2F/start/nope").send().await;
    assert_eq!((said.status, said.reason()), (400, json!("Unknown node: nope")));
    let said = broker.ask("POST", "/api/vhosts/nope/start/leveret@localhost").send().await;
    let reason = "Request to node leveret@localhost failed with {no_such_vhost,<<\"nope\">>}";
    assert_eq!((said.status, said.reason()), (400, json!(reason)));
}

#[tokio::test]
async fn who_watches_the_broker_is_told_of_virtual_hosts_that_he_may_not_enter() {
    let broker = broker().await;
    for tag in ["monitoring", "management"] {
        let user = json!({"password": "secret", "tags": tag});
        broker.send("PUT", &format!("/api/users/{tag}"), &user).await;
    }
    let listed = |user| broker.ask("GET", "/api/vhosts?columns=name").by(user, "secret").send();
    assert_eq!(listed("monitoring").await.json(), json!([{"name": "/"}]));
    assert_eq!(listed("management").await.json(), json!([]));
}
