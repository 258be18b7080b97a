//! `/api/vhost-limits` and `/api/user-limits`.

use serde_json::{Value, json};

use crate::ask::broker;

#[tokio::test]
async fn limits_of_virtual_hosts_are_set_told_and_taken_away() {
    let broker = broker().await;
    assert_eq!(broker.get("/api/vhost-limits/%2F").await, json!([]));
    assert_eq!(broker.send("PUT", "/api/vhost-limits/%2F/max-connections", &json!({"value": 10})).await, 204);
    assert_eq!(broker.send("PUT", "/api/vhost-limits/%2F/max%2Dqueues", &json!({"value": -1})).await, 204);
    let expected = json!([{"vhost": "/", "value": {"max-connections": 10, "max-queues": -1}}]);
    assert_eq!(broker.get("/api/vhost-limits").await, expected);
    assert_eq!(broker.get("/api/vhost-limits/%2F").await, expected);
    for name in ["max-queues", "max-queues", "nope", "max-connections"] {
        let path = format!("/api/vhost-limits/%2F/{name}");
        assert_eq!(broker.ask("DELETE", &path).send().await.status, 204, "{name}");
    }
    assert_eq!(broker.get("/api/vhost-limits").await, json!([]));
    assert_eq!(broker.ask("GET", "/api/vhost-limits/nope").send().await.status, 404);
}

#[tokio::test]
async fn what_is_no_limit_is_refused() {
    let broker = broker().await;
    let table: [(&str, Value, &str); 4] = [
        (
            "max-queues",
            json!({"value": "5"}),
            "Validation failed\n\nmax-queues should be a number, actually was <<\"5\">>\n",
        ),
        (
            "nope",
            json!({"value": 5}),
            "Validation failed\n\nUnrecognised terms [{<<\"nope\">>,5}] in limits\n",
        ),
        ("max-queues", json!({}), "[{key_missing,value}]"),
        ("max-queues", json!([]), "not_json"),
    ];
    for (name, body, reason) in table {
        let said = broker.say("PUT", &format!("/api/vhost-limits/%2F/{name}"), &body).await;
        assert_eq!((said.status, said.reason()), (400, json!(reason)), "{body}");
    }
    let said = broker.say("PUT", "/api/vhost-limits/nope/max-queues", &json!({"value": 1})).await;
    assert_eq!((said.status, said.json()), (404, json!({"error": "not_found", "reason": "vhost_not_found"})));
    let body = br#"{"value":1}"#;
    let form = broker.ask("PUT", "/api/vhost-limits/%2F/max-queues").body(body);
    let form = form.with("content-type", "application/x-www-form-urlencoded").send().await;
    assert_eq!((form.status, form.body.len()), (415, 0));
}

#[tokio::test]
async fn limits_of_users_are_set_told_and_taken_away() {
    let broker = broker().await;
    let path = "/api/user-limits/guest/max-channels";
    assert_eq!(broker.send("PUT", path, &json!({"value": 7})).await, 204);
    let expected = json!([{"user": "guest", "value": {"max-channels": 7}}]);
    assert_eq!(broker.get("/api/user-limits").await, expected);
    assert_eq!(broker.get("/api/user-limits/guest").await, expected);
    assert_eq!(broker.get("/api/users/guest").await["limits"], json!({"max-channels": 7}));
    let table = [
        (path, json!({"value": "x"}), json!("max-channels should be a number, actually was <<\"x\">>")),
        (
            "/api/user-limits/guest/max-queues",
            json!({"value": 5}),
            json!("Unrecognised terms [{<<\"max-queues\">>,5}] in user-limits"),
        ),
        ("/api/user-limits/nope/max-channels", json!({"value": 5}), json!(["no_such_user", "nope"])),
        (path, json!({}), json!("[{key_missing,value}]")),
    ];
    for (path, body, reason) in table {
        let said = broker.say("PUT", path, &body).await;
        assert_eq!((said.status, said.reason()), (400, reason), "{path} {body}");
    }
    for path in [path, path, "/api/user-limits/guest/nope"] {
        assert_eq!(broker.ask("DELETE", path).send().await.status, 204);
    }
    assert_eq!(broker.ask("DELETE", "/api/user-limits/nope/max-channels").send().await.status, 404);
    assert_eq!(broker.get("/api/user-limits/guest").await, json!([]));
    assert_eq!(broker.ask("GET", "/api/user-limits/nope").send().await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_limits_that_are_set_at_once_are_both_kept() {
    let broker = broker().await;
    let set = async |path: &str, value: u32| {
        assert_eq!(broker.send("PUT", path, &json!({ "value": value })).await, 204, "{path}");
    };
    for value in 1..=100 {
        tokio::join!(
            set("/api/vhost-limits/%2F/max-connections", value),
            set("/api/vhost-limits/%2F/max-queues", value),
            set("/api/user-limits/guest/max-connections", value),
            set("/api/user-limits/guest/max-channels", value),
        );
        let vhost = json!([{"vhost": "/", "value": {"max-connections": value, "max-queues": value}}]);
        assert_eq!(broker.get("/api/vhost-limits").await, vhost);
        let user = json!([{"user": "guest", "value": {"max-channels": value, "max-connections": value}}]);
        assert_eq!(broker.get("/api/user-limits").await, user);
    }
}
