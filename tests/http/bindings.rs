//! Bindings over HTTP.

use serde_json::{Value, json};

use crate::ask::{self, Asked};

const BETWEEN: &str = "/api/bindings/%2F/e/x/q/q";

async fn ends() -> Asked {
    let broker = ask::broker().await;
    broker.send("PUT", "/api/exchanges/%2F/x", &json!({"type": "topic"})).await;
    broker.send("PUT", "/api/exchanges/%2F/y", &json!({"type": "topic"})).await;
    broker.send("PUT", "/api/queues/%2F/q", &json!({})).await;
    broker
}

/// Terraform's provider splits the location at its slash, decodes what is behind it once, and looks for that in the list.
#[tokio::test]
async fn the_location_of_a_binding_leads_to_it() {
    let broker = ends().await;
    let bindings = [
        (json!({}), Some("q/~")),
        (json!({"routing_key": "a b/c"}), Some("q/a%2Bb%252Fc")),
        (json!({"routing_key": "ä#~+"}), Some("q/%25C3%25A4%2523%257E%252B")),
        (json!({"routing_key": "a~b"}), Some("q/a%257Eb")),
        (json!({"routing_key": "k", "arguments": []}), Some("q/k")),
        (json!({"routing_key": "", "arguments": {"a": 1}}), None),
        (json!({"routing_key": "a~b", "arguments": {"k": "v", "n": [1, 2]}}), None),
    ];
    for (body, expected) in &bindings {
        let said = broker.say("POST", BETWEEN, body).await;
        assert_eq!(said.status, 201, "{body}");
        let location = said.header("location").unwrap();
        assert!(expected.is_none_or(|expected| expected == location), "{location}");
        let (_, last) = location.rsplit_once('/').unwrap();
        let binding = broker.get(&format!("{BETWEEN}/{last}")).await;
        assert_eq!(binding["routing_key"], body.get("routing_key").cloned().unwrap_or_else(|| json!("")));
        // Again, it is the same one.
        assert_eq!(broker.say("POST", BETWEEN, body).await.header("location"), Some(location));
        assert_eq!(broker.ask("DELETE", &format!("{BETWEEN}/{last}")).send().await.status, 204);
        assert_eq!(broker.ask("DELETE", &format!("{BETWEEN}/{last}")).send().await.status, 404);
    }
    assert_eq!(broker.get(BETWEEN).await, json!([]));
}

#[tokio::test]
async fn every_queue_is_bound_to_the_default_exchange() {
    let broker = ends().await;
    let implied = json!({"source": "", "vhost": "/", "destination": "q", "destination_type": "queue",
                         "routing_key": "q", "arguments": {}, "properties_key": "q"});
    for path in [
        "/api/bindings",
        "/api/bindings/%2F",
        "/api/bindings/%2F/e//q/q",
        "/api/bindings/%2F/e/amq.default/q/q",
        "/api/queues/%2F/q/bindings",
        "/api/exchanges/%2F//bindings/source",
        "/api/exchanges/%2F/amq.default/bindings/source",
    ] {
        assert_eq!(broker.get(path).await, json!([implied]), "{path}");
    }
    assert_eq!(broker.get("/api/bindings/%2F/e//q/q/q").await, implied);
    // As RabbitMQ: also one that is not there.
    assert_eq!(broker.get("/api/queues/%2F/nope/bindings").await[0]["destination"], "nope");
    for (method, path) in [
        ("POST", "/api/bindings/%2F/e//q/q"),
        ("POST", "/api/bindings/%2F/e/amq.default/q/q"),
        ("POST", "/api/bindings/%2F/e/x/e/amq.default"),
        ("DELETE", "/api/bindings/%2F/e//q/q/q"),
    ] {
        let said = broker.ask(method, path).send().await;
        assert_eq!((said.status, said.reason()), (401, json!("Access refused.")), "{method} {path}");
    }
}

#[tokio::test]
async fn exchanges_are_bound_to_exchanges() {
    let broker = ends().await;
    let path = "/api/bindings/%2F/e/x/e/y";
    let said = broker.say("POST", path, &json!({"routing_key": "k", "arguments": {}})).await;
    assert_eq!((said.status, said.header("location")), (201, Some("y/k")));
    let expected = json!([{"source": "x", "vhost": "/", "destination": "y", "destination_type": "exchange",
                           "routing_key": "k", "arguments": {}, "properties_key": "k"}]);
    for path in [path, "/api/exchanges/%2F/x/bindings/source", "/api/exchanges/%2F/y/bindings/destination"] {
        assert_eq!(broker.get(path).await, expected, "{path}");
    }
    assert_eq!(broker.get("/api/exchanges/%2F/x/bindings/destination").await, json!([]));
    assert_eq!(broker.ask("DELETE", &format!("{path}/k")).send().await.status, 204);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_bound() {
    let broker = ends().await;
    let table: [(&str, Value, u16, Value); 5] = [
        ("/api/bindings/%2F/e/x/q/nope", json!({}), 404, json!("no queue 'nope' in vhost '/'")),
        ("/api/bindings/%2F/e/nope/q/q", json!({}), 404, json!("no exchange 'nope' in vhost '/'")),
        ("/api/bindings/nope/e/x/q/q", json!({}), 404, json!("vhost_not_found")),
        (BETWEEN, json!({"routing_key": 5}), 400, json!(["not_a_string", "routing_key", 5])),
        (BETWEEN, json!({"arguments": {"a": null}}), 400, json!("null_not_allowed")),
    ];
    for (path, body, status, reason) in table {
        let said = broker.say("POST", path, &body).await;
        assert_eq!((said.status, said.reason()), (status, reason), "{path} {body}");
    }
    assert_eq!(broker.ask("GET", "/api/bindings/%2F/e/x/z/q").send().await.status, 404);
    assert_eq!(broker.get("/api/bindings/%2F/e/nope/q/q").await, json!([]));
}
