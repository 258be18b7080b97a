//! The broker as a whole, and its one node: what is counted there, and how fast it goes.

use std::time::Duration;

use leveret::{Broker, Clock, ManualClock, Timestamp};
use leveret_codec::PropertiesBuilder;
use leveret_codec::method::{Method, basic, confirm};
use serde_json::{Value, json};

use crate::ask::{Asked, broker, start};
use crate::support::{Peer, declare, publish_with};

/// Asks again and again until the answer is as expected: the sampler has its own pace. A test that waits for what never
/// comes ends.
async fn until(broker: &Asked, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..2000 {
        last = broker.get(path).await;
        if is_so(&last) {
            return last;
        }
    }
    panic!("GET {path} was never as expected, at last {last}");
}

/// A broker whose time stands still, and whoever publishes there.
async fn still() -> (Asked, ManualClock, Peer) {
    let clock = Clock::manual(Timestamp::from_micros(1_000_000_000_000_000));
    let broker = start(Broker::builder().ephemeral().clock(&clock)).await;
    // The first sample has been taken when there is one.
    until(&broker, "/api/nodes/leveret@localhost?node_stats_age=5&node_stats_incr=5", |node| {
        node["mem_used_details"]["samples"][0]["sample"].as_u64() != Some(0)
    })
    .await;
    let mut peer = Peer::open_channel(broker.broker.amqp_addr()).await;
    peer.ask(1, declare("q")).await;
    peer.ask(1, Method::Confirm(confirm::AMQPMethod::Select(confirm::Select { nowait: false }))).await;
    (broker, clock, peer)
}

/// Publishes, and waits until the last is confirmed.
async fn publish(peer: &mut Peer, messages: u64) {
    for _ in 0..messages {
        let to_it = basic::Publish { routing_key: "q".into(), ..Default::default() };
        peer.send_bytes(&publish_with(1, to_it, &PropertiesBuilder::new().build(), b"body")).await;
        peer.method(1).await;
    }
}

#[tokio::test]
async fn an_idle_broker_has_every_part_of_an_overview() {
    let broker = broker().await;
    let overview = broker.get("/api/overview").await;
    assert_eq!(overview["message_stats"], json!({}));
    assert_eq!(overview["queue_totals"], json!({}));
    let totals = json!({"connections": 0, "channels": 0, "exchanges": 7, "queues": 0, "consumers": 0});
    assert_eq!(overview["object_totals"], totals);
    assert_eq!(overview["churn_rates"]["queue_declared_details"], json!({"rate": 0.0}));
    assert_eq!(
        (&overview["node"], &overview["product_name"]),
        (&json!("leveret@localhost"), &json!("leveret"))
    );
    let protocols: Vec<&str> =
        overview["listeners"].as_array().unwrap().iter().map(|of| of["protocol"].as_str().unwrap()).collect();
    assert_eq!(protocols, ["amqp", "http"]);
    assert_eq!(overview["contexts"][0]["port"], json!(broker.address.port().to_string()));
    let columns = broker.get("/api/overview?columns=node,object_totals.queues").await;
    assert_eq!(columns, json!({"node": "leveret@localhost", "object_totals": {"queues": 0}}));
}

#[tokio::test]
async fn what_was_published_is_counted_at_once_and_has_a_rate_from_the_first_second() {
    let (broker, clock, mut peer) = still().await;
    publish(&mut peer, 20).await;
    clock.advance(Duration::from_secs(2));
    let overview = broker.get("/api/overview").await;
    let stats = &overview["message_stats"];
    assert_eq!(
        (&stats["publish"], &stats["confirm"], &stats["deliver_get"]),
        (&json!(20), &json!(20), &json!(0))
    );
    assert_eq!(stats["publish_details"], json!({"rate": 10.0}));
    for name in ["disk_reads", "disk_writes", "get_empty", "redeliver", "return_unroutable"] {
        assert_eq!(
            (&stats[name], &stats[format!("{name}_details")]),
            (&json!(0), &json!({"rate": 0.0})),
            "{name}"
        );
    }
    let totals = &overview["queue_totals"];
    assert_eq!((&totals["messages"], &totals["messages_unacknowledged"]), (&json!(20), &json!(0)));
    assert_eq!(totals["messages_ready_details"], json!({"rate": 10.0}));
    assert_eq!(overview["churn_rates"]["connection_created"], json!(1));
}

#[tokio::test]
async fn a_rate_is_that_of_the_last_interval_and_samples_tell_what_was() {
    let (broker, clock, mut peer) = still().await;
    publish(&mut peer, 10).await;
    clock.advance(Duration::from_secs(5));
    let path = "/api/overview?msg_rates_age=10&msg_rates_incr=5&lengths_age=10&lengths_incr=5";
    let publishes = |overview: &Value| overview["message_stats"]["publish_details"].clone();
    let sampled = |overview: &Value| publishes(overview)["samples"][0]["sample"] == json!(10);
    until(&broker, path, sampled).await;
    publish(&mut peer, 25).await;
    clock.advance(Duration::from_secs(5));
    let overview =
        until(&broker, path, |overview| publishes(overview)["samples"][0]["sample"] == json!(35)).await;
    let sample =
        |value: u64, seconds: u64| json!({"sample": value, "timestamp": (1_000_000_000 + seconds) * 1000});
    let expected = json!({
        "rate": 5.0, "samples": [sample(35, 10), sample(10, 5), sample(0, 0)], "avg_rate": 3.5, "avg": 15.0,
    });
    assert_eq!(publishes(&overview), expected);
    assert_eq!(overview["queue_totals"]["messages_details"]["samples"], expected["samples"]);
}

#[tokio::test]
async fn who_may_not_watch_everything_sees_its_own_virtual_hosts() {
    let (broker, clock, mut peer) = still().await;
    publish(&mut peer, 10).await;
    clock.advance(Duration::from_secs(1));
    assert_eq!(
        broker.send("PUT", "/api/users/m", &json!({"password": "m", "tags": "management"})).await,
        201
    );
    let overview = broker.ask("GET", "/api/overview").by("m", "m").send().await.json();
    assert_eq!((&overview["message_stats"], &overview["object_totals"]["queues"]), (&json!({}), &json!(0)));
    assert!(overview.get("listeners").is_none() && overview.get("churn_rates").is_some());
    let nodes = broker.ask("GET", "/api/nodes").by("m", "m").send().await;
    assert_eq!((nodes.status, nodes.reason()), (401, json!("Not monitor user")));
}

#[tokio::test]
async fn a_node_has_every_field_that_tools_refuse_to_live_without() {
    let broker = broker().await;
    let nodes = broker.get("/api/nodes").await;
    let node = &nodes[0];
    for name in
        ["uptime", "run_queue", "processors", "fd_total", "proc_total", "mem_limit", "disk_free_limit"]
    {
        assert!(node[name].is_u64(), "{name}: {}", node[name]);
    }
    for name in ["mem_used", "fd_used", "disk_free", "proc_used", "io_sync_avg_time", "queue_deleted"] {
        let details = &node[format!("{name}_details")];
        assert!(node[name].is_u64() && details["rate"].is_f64(), "{name}: {} {details}", node[name]);
    }
    for name in ["mem_alarm", "disk_free_alarm", "being_drained"] {
        assert_eq!(node[name], json!(false), "{name}");
    }
    assert!(node["os_pid"].as_str().unwrap().parse::<u32>().is_ok());
    assert_eq!((&node["name"], &node["type"]), (&json!("leveret@localhost"), &json!("disc")));
    assert!(0 < node["mem_used"].as_u64().unwrap() && 0 < node["fd_used"].as_u64().unwrap());
    assert_eq!(
        broker.get("/api/nodes/leveret@localhost?columns=name").await,
        json!({"name": "leveret@localhost"})
    );
    assert_eq!(broker.ask("GET", "/api/nodes/other@host").send().await.status, 404);
}

#[tokio::test]
async fn the_parts_of_the_memory_are_all_of_it() {
    let broker = broker().await;
    let memory = broker.get("/api/nodes/leveret@localhost/memory").await["memory"].clone();
    let total = memory["total"]["rss"].as_u64().unwrap();
    let parts: u64 = memory.as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(parts, total);
    assert_eq!((&memory["strategy"], &memory["connection_readers"]), (&json!("rss"), &json!(0)));
    let relative = broker.get("/api/nodes/leveret@localhost/memory/relative").await["memory"].clone();
    assert_eq!((&relative["total"], &relative["mnesia"]), (&json!(100), &json!(0)));
    let node = broker.get("/api/nodes/leveret@localhost?memory=true&binary=true").await;
    assert!(node["memory"]["total"]["erlang"].is_u64() && node["binary"]["queue_procs"].is_u64());
}
