//! `/api/definitions`.

use serde_json::{Value, json};

use crate::ask::broker;

/// A broker's definitions without what tells it from another one.
fn comparable(mut definitions: Value) -> Value {
    let document = definitions.as_object_mut().unwrap();
    document.remove("explanation");
    document.remove("original_cluster_name");
    definitions
}

#[tokio::test]
async fn what_one_broker_exports_another_imports_and_exports_again() {
    let (one, other) = (broker().await, broker().await);
    let part = json!({
        "vhosts": [{"name": "v"}],
        "queues": [{"name": "q", "vhost": "v", "durable": true, "auto_delete": false, "arguments": {"x-max-length": 5}}],
        "exchanges": [{"name": "x", "vhost": "v", "type": "topic", "durable": true, "auto_delete": false, "internal": false, "arguments": {}}],
        "bindings": [{"source": "x", "vhost": "v", "destination": "q", "destination_type": "queue", "routing_key": "a.*", "arguments": {}}],
    });
    assert_eq!(one.send("POST", "/api/definitions", &part).await, 204);
    one.send("PUT", "/api/users/jane", &json!({"password": "p", "tags": "management"})).await;
    one.send("PUT", "/api/policies/v/p", &json!({"pattern": "^q", "definition": {"max-length": 5}})).await;
    let exported = one.get("/api/definitions").await;
    assert_eq!(exported["queues"][0]["arguments"], json!({"x-max-length": 5, "x-queue-type": "classic"}));
    assert_eq!(other.send("POST", "/api/definitions/", &exported).await, 204);
    assert_eq!(comparable(other.get("/api/all-configuration").await), comparable(exported));
    assert_eq!(other.ask("GET", "/api/whoami").by("jane", "p").send().await.status, 200);
}

#[tokio::test]
async fn a_virtual_host_is_exported_and_imported_by_itself() {
    let broker = broker().await;
    let queues = json!({"queues": [{"name": "q", "durable": true, "auto_delete": false, "arguments": {}}]});
    assert_eq!(broker.send("POST", "/api/definitions/%2F", &queues).await, 204);
    let exported = broker.get("/api/definitions/%2F").await;
    assert_eq!(
        (&exported["queues"][0]["name"], &exported["queues"][0]["vhost"]),
        (&json!("q"), &Value::Null)
    );
    broker.send("PUT", "/api/vhosts/w", &json!({})).await;
    assert_eq!(broker.send("POST", "/api/definitions/w", &exported).await, 204);
    assert_eq!(broker.get("/api/definitions/w").await["queues"], exported["queues"]);
    let said = broker.ask("GET", "/api/definitions/nope").send().await;
    assert_eq!((said.status, said.reason()), (400, json!("vhost_not_found")));
    let said = broker.say("POST", "/api/definitions/nope", &json!({})).await;
    assert_eq!((said.status, said.reason()), (404, json!("vhost_not_found")));
}

#[tokio::test]
async fn an_import_is_json_or_a_form() {
    let broker = broker().await;
    let json = |body: &'static [u8]| {
        broker.ask("POST", "/api/definitions").with("content-type", "application/json").body(body).send()
    };
    for body in [&b""[..], b"{}", b"\xef\xbb\xbf{}"] {
        assert_eq!(json(body).await.status, 204);
    }
    for body in [&b"{"[..], b"[]", b"\xff"] {
        let said = json(body).await;
        assert_eq!((said.status, said.reason()), (400, json!("failed_to_parse_json")));
    }
    assert_eq!(broker.ask("POST", "/api/definitions").body(b"{}").send().await.status, 415);
    let form = b"--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"d.json\"\r\n\r\n\
                 {\"vhosts\":[{\"name\":\"v\"}]}\r\n--X\r\n\
                 Content-Disposition: form-data; name=\"redirect\"\r\n\r\n../#/done\r\n--X--\r\n";
    let form = broker
        .ask("POST", "/api/definitions")
        .with("content-type", "multipart/form-data; boundary=X")
        .body(form);
    let said = form.send().await;
    assert_eq!((said.status, said.header("location")), (303, Some("../#/done")));
    broker.get("/api/vhosts/v").await;
}

#[tokio::test]
async fn what_cannot_be_imported_is_refused() {
    let broker = broker().await;
    let queue = json!({"queues": [{"name": "q", "vhost": "nope", "durable": true, "auto_delete": false, "arguments": {}}]});
    let said = broker.say("POST", "/api/definitions", &queue).await;
    assert_eq!((said.status, &said.json()["error"]), (400, &json!("bad_request")));
    assert!(said.reason().as_str().unwrap().contains("nope"), "{}", said.reason());
}

#[tokio::test]
async fn an_export_is_a_file_that_is_not_sent_twice() {
    let broker = broker().await;
    let said = broker.ask("GET", "/api/definitions?download=mine.json").send().await;
    assert_eq!(said.header("content-disposition"), Some("attachment; filename=mine.json"));
    let tag = said.header("etag").unwrap();
    let again = broker.ask("GET", "/api/definitions").with("if-none-match", tag).send().await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    broker.send("PUT", "/api/vhosts/v", &json!({})).await;
    let changed = broker.ask("GET", "/api/definitions").with("if-none-match", tag).send().await;
    assert_eq!(changed.status, 200);
}
