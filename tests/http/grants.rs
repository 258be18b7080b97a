//! `/api/permissions` and `/api/topic-permissions`.

use serde_json::json;

use crate::ask::broker;

#[tokio::test]
async fn permissions_are_granted_told_and_taken_back() {
    let broker = broker().await;
    broker.send("PUT", "/api/users/jane", &json!({"tags": ""})).await;
    let of_jane = "/api/permissions/%2F/jane";
    let granted = json!({"configure": "", "write": "^a", "read": ".*"});
    assert_eq!(broker.send("PUT", of_jane, &granted).await, 201);
    assert_eq!(broker.send("PUT", of_jane, &granted).await, 204);
    let row = json!({"user": "jane", "vhost": "/", "configure": "", "write": "^a", "read": ".*"});
    let of_guest = json!({"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"});
    assert_eq!(broker.get(of_jane).await, row);
    assert_eq!(broker.get("/api/permissions").await, json!([of_guest, row]));
    assert_eq!(broker.get("/api/users/jane/permissions").await, json!([row]));
    assert_eq!(broker.get("/api/vhosts/%2F/permissions").await, json!([of_guest, row]));
    assert_eq!(broker.ask("DELETE", of_jane).send().await.status, 204);
    assert_eq!(broker.ask("DELETE", of_jane).send().await.status, 404);
    assert_eq!(broker.ask("GET", of_jane).send().await.status, 404);
    for path in ["/api/users/nope/permissions", "/api/vhosts/nope/permissions", "/api/permissions/nope/guest"]
    {
        assert_eq!(broker.ask("GET", path).send().await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn permissions_that_make_no_sense_are_refused() {
    let broker = broker().await;
    let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
    for path in ["/api/permissions/nope/guest", "/api/permissions/%2F/nope"] {
        let said = broker.say("PUT", path, &all).await;
        assert_eq!((said.status, said.reason()), (400, json!("vhost_or_user_not_found")));
    }
    let said = broker.say("PUT", "/api/permissions/%2F/guest", &json!({"write": ""})).await;
    assert_eq!((said.status, said.reason()), (400, json!("[{key_missing,configure},{key_missing,read}]")));
    let said = broker
        .say("PUT", "/api/permissions/%2F/guest", &json!({"configure": "(", "write": "", "read": ""}))
        .await;
    assert_eq!(
        (said.status, &said.reason()[0], &said.reason()[1]),
        (400, &json!("invalid_regexp"), &json!("("))
    );
}

#[tokio::test]
async fn topic_permissions_are_granted_told_and_taken_back() {
    let broker = broker().await;
    let of_guest = "/api/topic-permissions/%2F/guest";
    assert_eq!(broker.ask("GET", of_guest).send().await.status, 404);
    let body = json!({"exchange": "amq.topic", "write": "^a", "read": "b"});
    assert_eq!(broker.send("PUT", of_guest, &body).await, 201);
    assert_eq!(broker.send("PUT", of_guest, &body).await, 204);
    let row = json!([{"user": "guest", "vhost": "/", "exchange": "amq.topic", "write": "^a", "read": "b"}]);
    let lists = [
        of_guest,
        "/api/topic-permissions",
        "/api/topic-permissions/%2F/guest/amq.topic",
        "/api/users/guest/topic-permissions",
        "/api/vhosts/%2F/topic-permissions",
    ];
    for path in lists {
        assert_eq!(broker.get(path).await, row, "{path}");
    }
    assert_eq!(broker.ask("DELETE", "/api/topic-permissions/%2F/guest/amq.topic").send().await.status, 204);
    assert_eq!(broker.ask("DELETE", of_guest).send().await.status, 404);
    let said = broker.say("PUT", of_guest, &json!({})).await;
    assert_eq!(said.reason(), "[{key_missing,exchange},{key_missing,write},{key_missing,read}]");
    let said = broker.say("PUT", of_guest, &json!({"exchange": "nope", "write": "", "read": ""})).await;
    assert_eq!((said.status, said.reason()), (400, json!(["no_such_exchange", "nope"])));
}
