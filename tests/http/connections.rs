//! Connections, channels and consumers over HTTP, of a client at a real socket.

use leveret_codec::method::{Method, basic, queue};
use serde_json::{Value, json};

use crate::ask::{self, Asked};
use crate::support::Peer;

/// A client that consumes from `q` and owns `own`.
async fn client(broker: &Asked) -> Peer {
    let mut peer = Peer::open_channel(broker.broker.amqp_addr()).await;
    peer.declare(1, "q").await;
    let own = queue::Declare { queue: "own".into(), exclusive: true, ..Default::default() };
    peer.ask(1, Method::Queue(queue::AMQPMethod::Declare(own))).await;
    let qos = basic::Qos { prefetch_count: 5, global: false };
    peer.ask(1, Method::Basic(basic::AMQPMethod::Qos(qos))).await;
    let consume = basic::Consume { queue: "q".into(), consumer_tag: "tag".into(), ..Default::default() };
    peer.ask(1, Method::Basic(basic::AMQPMethod::Consume(consume))).await;
    peer
}

/// A name as it stands in a path.
fn in_path(name: &Value) -> String {
    let bytes = name.as_str().unwrap().as_bytes();
    percent_encoding::percent_encode(bytes, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn a_connection_and_its_channel_are_told_in_full() {
    let broker = ask::broker().await;
    let mut peer = client(&broker).await;
    peer.publish(1, "q", b"hello").await;
    peer.delivery(1).await;
    let connections = broker.get("/api/connections").await;
    let connection = &connections[0];
    let name = connection["name"].as_str().unwrap().to_owned();
    let port = broker.broker.amqp_addr().port();
    assert_eq!(name, format!("127.0.0.1:{} -> 127.0.0.1:{port}", connection["peer_port"]));
    let expected = [
        ("host", json!("127.0.0.1")),
        ("port", json!(port)),
        ("user", json!("guest")),
        ("vhost", json!("/")),
        ("type", json!("network")),
        ("protocol", json!("AMQP 0-9-1")),
        ("state", json!("running")),
        ("channels", json!(1)),
        ("ssl", json!(false)),
    ];
    for (key, value) in expected {
        assert_eq!(connection[key], value, "{key}");
    }
    assert!(connection["recv_oct"].as_u64().unwrap() > 0 && connection["send_oct"].as_u64().unwrap() > 0);
    let path = in_path(&connection["name"]);
    assert_eq!(broker.get(&format!("/api/connections/{path}")).await["name"], name);
    let channels = broker.get(&format!("/api/connections/{path}/channels")).await;
    assert_eq!(
        (&channels[0]["prefetch_count"], &channels[0]["messages_unacknowledged"]),
        (&json!(5), &json!(1))
    );
    let channel = broker.get(&format!("/api/channels/{}", in_path(&channels[0]["name"]))).await;
    assert_eq!(channel["name"], format!("{name} (1)"));
    assert_eq!(channel["message_stats"]["deliver_get"], 1);
    assert_eq!(channel["consumer_details"][0]["consumer_tag"], "tag");
    assert_eq!(broker.get("/api/vhosts/%2F/channels").await[0]["name"], channel["name"]);
    let sessions = broker.ask("GET", &format!("/api/connections/{path}/sessions")).send().await;
    assert_eq!((sessions.status, sessions.reason()), (400, json!("connection does not use AMQP 1.0")));
}

#[tokio::test]
async fn a_consumer_is_told_of_its_queue_and_its_channel() {
    let broker = ask::broker().await;
    let _peer = client(&broker).await;
    let consumers = broker.get("/api/consumers/%2F").await;
    let consumer = &consumers[0];
    assert_eq!(consumer["queue"], json!({"name": "q", "vhost": "/"}));
    assert_eq!((&consumer["prefetch_count"], &consumer["ack_required"]), (&json!(5), &json!(true)));
    assert_eq!((&consumer["active"], &consumer["activity_status"]), (&json!(true), &json!("up")));
    assert_eq!(consumer["channel_details"]["number"], 1);
    let queue = broker.get("/api/queues/%2F/q").await;
    assert_eq!((&queue["consumers"], &queue["consumer_details"][0]), (&json!(1), consumer));
    let own = broker.get("/api/queues/%2F/own").await;
    assert_eq!(
        (&own["exclusive"], &own["owner_pid_details"]["peer_host"]),
        (&json!(true), &json!("127.0.0.1"))
    );
    assert_eq!(broker.ask("GET", "/api/consumers/nope").send().await.status, 404);
}

#[tokio::test]
async fn a_connection_is_closed_and_its_client_told_why() {
    let broker = ask::broker().await;
    for (reason, text) in [(Some("because"), "because"), (None, "Closed via management plugin")] {
        let mut peer = client(&broker).await;
        let name = broker.get("/api/connections").await[0]["name"].clone();
        let ask = broker.ask("DELETE", &format!("/api/connections/{}", in_path(&name)));
        let ask = reason.map_or_else(|| ask.clone(), |reason| ask.clone().with("x-reason", reason));
        assert_eq!(ask.send().await.status, 204);
        assert_eq!(peer.closed_with().await, (320, format!("CONNECTION_FORCED - {text}")));
        peer.send_close_ok().await;
        peer.until_end().await;
    }
    let gone = broker.ask("DELETE", "/api/connections/nope").send().await;
    assert_eq!((gone.status, gone.reason()), (404, json!("Not Found")));
}

#[tokio::test]
async fn all_connections_of_a_user_are_closed_at_once() {
    let broker = ask::broker().await;
    let mut peer = client(&broker).await;
    let rows = broker.get("/api/connections/username/guest").await;
    let keys: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["name", "node", "user", "vhost"]);
    assert_eq!(broker.get("/api/connections/username/nobody").await, json!([]));
    assert_eq!(broker.ask("DELETE", "/api/connections/username/nobody").send().await.status, 204);
    assert_eq!(broker.ask("DELETE", "/api/connections/username/guest").send().await.status, 204);
    assert_eq!(peer.closed_with().await.0, 320);
}

#[tokio::test]
async fn who_does_not_watch_the_broker_sees_its_own_connections_only() {
    let broker = ask::broker().await;
    let _peer = client(&broker).await;
    broker.send("PUT", "/api/users/m", &json!({"password": "m", "tags": "management"})).await;
    let name = broker.get("/api/connections").await[0]["name"].clone();
    let by_m = |method: &str, path: &str| broker.ask(method, path).by("m", "m").send();
    assert_eq!(by_m("GET", "/api/connections").await.json(), json!([]));
    assert_eq!(by_m("GET", "/api/channels").await.json(), json!([]));
    assert_eq!(by_m("GET", "/api/consumers").await.json(), json!([]));
    let path = in_path(&name);
    for (method, path) in [
        ("GET", format!("/api/connections/{path}")),
        ("DELETE", format!("/api/connections/{path}")),
        ("GET", format!("/api/connections/{path}/channels")),
        ("GET", format!("/api/channels/{path}%20(1)")),
        ("GET", "/api/connections/username/guest".to_owned()),
    ] {
        let said = by_m(method, &path).await;
        assert_eq!(
            (said.status, said.reason()),
            (401, json!("User not authorised to access object")),
            "{path}"
        );
    }
    assert_eq!(by_m("DELETE", "/api/connections/username/guest").await.status, 401);
}
