//! Messages over HTTP: published, got, looked at.

use leveret_codec::method::{Method, basic, channel, queue};
use serde_json::{Value, json};

use crate::ask::{self, Asked, Said};
use crate::support::Peer;

async fn with_queue() -> Asked {
    let broker = ask::broker().await;
    broker.send("PUT", "/api/queues/%2F/q", &json!({})).await;
    broker
}

async fn publish(broker: &Asked, changes: Value) -> Said {
    let mut body =
        json!({"properties": {}, "routing_key": "q", "payload": "x", "payload_encoding": "string"});
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    broker.say("POST", "/api/exchanges/%2F/amq.default/publish", &body).await
}

async fn get(broker: &Asked, changes: Value) -> Said {
    let mut body = json!({"count": 10, "ackmode": "ack_requeue_true", "encoding": "auto"});
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    broker.say("POST", "/api/queues/%2F/q/get", &body).await
}

fn payloads(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["payload"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_is_published_is_got_with_its_properties() {
    let broker = with_queue().await;
    let properties =
        json!({"headers": {"a": 1, "b": [1, "x", {"c": 2.5}]}, "delivery_mode": 2, "timestamp": 7});
    let said = publish(&broker, json!({"properties": properties, "payload": "hello"})).await;
    assert_eq!(said.json(), json!({"routed": true}));
    assert_eq!(publish(&broker, json!({"routing_key": "nope"})).await.json(), json!({"routed": false}));
    let expected = json!([{"payload_bytes": 5, "redelivered": false, "exchange": "", "routing_key": "q",
                           "message_count": 0, "properties": properties, "payload": "hello",
                           "payload_encoding": "string"}]);
    assert_eq!(get(&broker, json!({"count": "1"})).await.json(), expected);
    let again = get(&broker, json!({"encoding": "base64", "truncate": "2"})).await.json();
    assert_eq!((&again[0]["payload"], &again[0]["redelivered"]), (&json!("aGU="), &json!(true)));
    assert_eq!(again[0]["payload_bytes"], 5);
}

#[tokio::test]
async fn the_four_ways_to_get_do_what_they_say() {
    let broker = ask::broker().await;
    let arguments = json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"});
    broker.send("PUT", "/api/queues/%2F/q", &json!({"arguments": arguments})).await;
    broker.send("PUT", "/api/queues/%2F/dead", &json!({})).await;
    for payload in ["1", "2", "3"] {
        publish(&broker, json!({"payload": payload})).await;
    }
    let got = |mode: &str, count: i64| get(&broker, json!({"ackmode": mode, "count": count}));
    assert_eq!(payloads(&got("ack_requeue_true", 2).await.json()), ["1", "2"]);
    assert_eq!(payloads(&got("reject_requeue_true", -1).await.json()), ["1", "2", "3"]);
    assert_eq!(payloads(&got("ack_requeue_false", 1).await.json()), ["1"]);
    assert_eq!(payloads(&got("reject_requeue_false", 1).await.json()), ["2"]);
    assert_eq!(payloads(&got("ack_requeue_true", 9).await.json()), ["3"]);
    assert_eq!(got("ack_requeue_true", 0).await.json(), json!([]));
    assert_eq!(broker.get("/api/queues/%2F/dead").await["messages"], 1);
    assert_eq!(broker.get("/api/queues/%2F/q").await["messages_unacknowledged"], 0);
}

#[tokio::test]
async fn a_publish_that_makes_no_sense_is_refused_in_rabbitmqs_words() {
    let broker = with_queue().await;
    let refused = [
        (json!({"payload_encoding": "nope"}), json!(["unsupported_encoding", "nope"])),
        (json!({"payload_encoding": "base64", "payload": "%%%"}), json!(["not_base64", "%%%"])),
        (json!({"payload": 5}), json!("payload_not_string")),
        (json!({"properties": {"delivery_mode": "2"}}), json!(["not_int", "delivery_mode"])),
        (json!({"properties": {"content_type": 5}}), json!(["not_string", "content_type"])),
        (json!({"properties": {"headers": {"a": null}}}), json!("null_not_allowed")),
        (
            json!({"properties": {"expiration": "x"}}),
            json!("406 PRECONDITION_FAILED - invalid expiration 'x': no_integer"),
        ),
        (
            json!({"properties": {"user_id": "bob"}}),
            json!(
                "406 PRECONDITION_FAILED - user_id property set to 'bob' but authenticated user was 'guest'"
            ),
        ),
    ];
    for (changes, reason) in refused {
        let said = publish(&broker, changes.clone()).await;
        assert_eq!((said.status, said.reason()), (400, reason), "{changes}");
    }
    let said = broker.say("POST", "/api/exchanges/%2F/nope/publish", &json!({})).await;
    assert_eq!((said.status, said.reason()), (404, json!("exchange_not_found")));
    let full = json!({"arguments": {"x-max-length": 1, "x-overflow": "reject-publish"}});
    broker.send("PUT", "/api/queues/%2F/full", &full).await;
    publish(&broker, json!({"routing_key": "full"})).await;
    let said = publish(&broker, json!({"routing_key": "full"})).await;
    let reason = "rejected Unable to publish message. Check queue limits.";
    assert_eq!((said.status, said.reason()), (400, json!(reason)));
}

#[tokio::test]
async fn a_get_that_makes_no_sense_is_refused_in_rabbitmqs_words() {
    let broker = with_queue().await;
    let modes = "Invalid ackmode value: nope. Valid values are: ack_requeue_true, ack_requeue_false, \
                 reject_requeue_true, reject_requeue_false";
    let refused = [
        (json!({"ackmode": "nope"}), json!(modes)),
        (json!({"encoding": "nope"}), json!("Unsupported encoding. Please use auto or base64.")),
        (json!({"count": "x"}), json!(["not_integer", "x"])),
        (json!({"count": null}), json!(["not_integer", null])),
        (json!({"truncate": "x"}), json!(["not_integer", "x"])),
    ];
    for (changes, reason) in refused {
        let said = get(&broker, changes.clone()).await;
        assert_eq!((said.status, said.reason()), (400, reason), "{changes}");
    }
    let said = broker.say("POST", "/api/queues/%2F/q/get", &json!({})).await;
    assert_eq!(said.reason(), "[{key_missing,ackmode},{key_missing,count},{key_missing,encoding}]");
    let said = broker.say("POST", "/api/queues/%2F/nope/get", &json!({})).await;
    assert_eq!((said.status, said.reason()), (404, json!("queue_not_found")));
}

#[tokio::test]
async fn looking_at_messages_changes_nothing() {
    let broker = with_queue().await;
    for (key, colour) in [("1", "red"), ("2", "blue"), ("3", "red")] {
        publish(&broker, json!({"payload": key, "properties": {"headers": {"colour": colour}}})).await;
    }
    let path = "/api/queues/%2F/q/messages";
    let seen = broker.get(path).await;
    assert_eq!(payloads(&seen["messages"]), ["1", "2", "3"]);
    let first = &seen["messages"][0];
    assert_eq!(
        (&first["state"], &first["redelivered"], &first["position"]),
        (&json!("ready"), &json!(false), &json!(0))
    );
    assert_eq!((&seen["next"], &seen["looked_at"]), (&Value::Null, &json!(3)));
    let part = broker.get(&format!("{path}?limit=1&offset=1&payload=false")).await;
    assert_eq!((&part["messages"][0]["position"], part["messages"][0].get("payload")), (&json!(1), None));
    let next = part["next"].as_str().unwrap();
    let rest = broker.get(&format!("{path}?after={next}")).await;
    assert_eq!(payloads(&rest["messages"]), ["3"]);
    assert_eq!(payloads(&broker.get(&format!("{path}?header=colour:red")).await["messages"]), ["1", "3"]);
    assert_eq!(broker.get(&format!("{path}?routing_key=x*")).await["messages"], json!([]));
    assert_eq!(broker.get(&format!("{path}?routing_key=?&truncate=0")).await["messages"][2]["payload"], "");
    assert_eq!(broker.get(&format!("{path}?older_than=3600")).await["messages"], json!([]));
    assert_eq!(broker.ask("GET", &format!("{path}?after=x")).send().await.status, 400);
    let got = get(&broker, json!({})).await.json();
    assert_eq!((payloads(&got), &got[0]["redelivered"]), (vec!["1", "2", "3"], &json!(false)));
    assert_eq!(broker.get("/api/queues/%2F/q").await["message_stats"]["get"], 3);
}

#[tokio::test]
async fn who_holds_a_message_is_told() {
    let broker = with_queue().await;
    let mut peer = Peer::open_channel(broker.broker.amqp_addr()).await;
    let consume = basic::Consume { queue: "q".into(), consumer_tag: "tag".into(), ..Default::default() };
    peer.ask(1, Method::Basic(basic::AMQPMethod::Consume(consume))).await;
    // Another channel holds nothing of this queue.
    peer.ask(2, Method::Channel(channel::AMQPMethod::Open(channel::Open {}))).await;
    publish(&broker, json!({"payload": "held"})).await;
    peer.delivery(1).await;
    let held = broker.get("/api/queues/%2F/q/unacked").await;
    assert_eq!((&held["messages_unacknowledged"], &held["is_complete"]), (&json!(1), &json!(true)));
    let message = &held["messages"][0];
    let expected = [
        ("payload", json!("held")),
        ("channel", json!(1)),
        ("consumer_tag", json!("tag")),
        ("delivery_tag", json!(1)),
        ("user", json!("guest")),
    ];
    for (key, value) in expected {
        assert_eq!(message[key], value, "{key}");
    }
    assert_eq!(message["connection"], broker.get("/api/connections").await[0]["name"]);
    let all = broker.get("/api/queues/%2F/q/messages?state=all").await;
    assert_eq!(all["messages"][0]["state"], "unacked");
    assert_eq!(broker.get("/api/queues/%2F/q/messages?state=ready").await["messages"], json!([]));
    let ack = basic::Ack { delivery_tag: 1, multiple: false };
    peer.send(1, Method::Basic(basic::AMQPMethod::Ack(ack))).await;
    // An answer on the same channel comes after the acknowledgement has been dealt with.
    peer.declare(1, "q").await;
    assert_eq!(broker.get("/api/queues/%2F/q/unacked").await["messages"], json!([]));
}

#[tokio::test]
async fn what_a_delayed_exchange_holds_back_can_be_seen() {
    let broker = with_queue().await;
    let exchange = json!({"type": "x-delayed-message", "arguments": {"x-delayed-type": "direct"}});
    assert_eq!(broker.send("PUT", "/api/exchanges/%2F/later", &exchange).await, 201);
    for (payload, delay) in [("second", 3_600_000), ("first", 1_800_000)] {
        let properties = json!({"headers": {"x-delay": delay}});
        let body = json!({"properties": properties, "routing_key": "k", "payload": payload, "payload_encoding": "string"});
        let said = broker.say("POST", "/api/exchanges/%2F/later/publish", &body).await;
        assert_eq!(said.json(), json!({"routed": true}), "it was taken");
    }
    let held = broker.get("/api/exchanges/%2F/later/delayed").await;
    assert_eq!(payloads(&held["messages"]), ["first", "second"]);
    let due = held["messages"][0]["due_in_ms"].as_u64().unwrap();
    assert!((1..=1_800_000).contains(&due), "{due}");
    let part = broker.get("/api/exchanges/%2F/later/delayed?limit=1").await;
    let next = part["next"].as_str().unwrap();
    let rest = broker.get(&format!("/api/exchanges/%2F/later/delayed?after={next}")).await;
    assert_eq!(payloads(&rest["messages"]), ["second"]);
    assert_eq!(broker.ask("GET", "/api/exchanges/%2F/amq.direct/delayed").send().await.status, 400);
}

#[tokio::test]
async fn only_who_may_read_from_a_queue_sees_its_messages() {
    let broker = with_queue().await;
    broker.send("PUT", "/api/users/stranger", &json!({"password": "s", "tags": "administrator"})).await;
    for path in ["messages", "unacked"] {
        let said = broker.ask("GET", &format!("/api/queues/%2F/q/{path}")).by("stranger", "s").send().await;
        assert_eq!((said.status, said.reason()), (401, json!("Access refused.")), "{path}");
    }
    let redrive = broker.ask("POST", "/api/queues/%2F/q/redrive").by("stranger", "s").send().await;
    assert_eq!(redrive.status, 401);
}

#[tokio::test]
async fn properties_with_nothing_in_them_are_an_empty_list_as_rabbitmq_writes_them() {
    let broker = with_queue().await;
    publish(&broker, json!({})).await;
    publish(&broker, json!({"properties": {"priority": 3}})).await;
    let got = get(&broker, json!({})).await.json();
    assert_eq!((&got[0]["properties"], &got[1]["properties"]), (&json!([]), &json!({"priority": 3})));
}

#[tokio::test]
async fn an_exclusive_queue_shows_its_messages_to_nobody_else() {
    let broker = ask::broker().await;
    let mut owner = Peer::open_channel(broker.broker.amqp_addr()).await;
    let declare = queue::Declare { queue: "own".into(), exclusive: true, ..Default::default() };
    owner.ask(1, Method::Queue(queue::AMQPMethod::Declare(declare))).await;
    assert_eq!(publish(&broker, json!({"routing_key": "own"})).await.json(), json!({"routed": true}));
    let get = json!({"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"});
    let order = json!({"to": {"exchange": "", "routing_key": "q"}});
    let refused = broker.say("POST", "/api/queues/%2F/own/get", &get).await;
    assert!(refused.reason().as_str().unwrap().starts_with("cannot obtain exclusive access"), "{refused:?}");
    for (method, what) in [("GET", "messages"), ("GET", "unacked"), ("POST", "redrive")] {
        let said = broker.say(method, &format!("/api/queues/%2F/own/{what}"), &order).await;
        assert_eq!((said.status, said.reason()), (400, refused.reason()), "{what}");
    }
    assert_eq!(broker.get("/api/queues/%2F/own").await["messages"], 1);
}

#[tokio::test]
async fn one_get_brings_a_bounded_number_of_messages() {
    let broker = with_queue().await;
    let mut publisher = Peer::open_channel(broker.broker.amqp_addr()).await;
    for _ in 0..10_001 {
        publisher.publish(1, "q", b"").await;
    }
    publisher.declare(1, "q").await;
    let got = get(&broker, json!({"count": -1, "ackmode": "ack_requeue_false"})).await.json();
    assert_eq!(got.as_array().unwrap().len(), 10_000);
    assert_eq!(payloads(&get(&broker, json!({"count": -1})).await.json()), [""]);
}
