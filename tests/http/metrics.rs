//! What Prometheus is told, and dashboards made for RabbitMQ look for.

use std::collections::BTreeSet;
use std::io::Read as _;

use flate2::read::GzDecoder;
use leveret::{Broker, MetricsSettings, Settings};
use leveret_codec::PropertiesBuilder;
use leveret_codec::method::{Method, basic, confirm, queue};
use serde_json::json;

use crate::ask::{Asked, Said};
use crate::exposition::Page;
use crate::support::{Peer, declare, publish_with};

/// What the dashboard RabbitMQ-Overview asks for (those of 2026 and of 3.8, which many still have).
const DASHBOARD: &[&str] = &[
    "rabbitmq_identity_info",
    "rabbitmq_build_info",
    "rabbitmq_erlang_uptime_seconds",
    "rabbitmq_queue_messages_ready",
    "rabbitmq_queue_messages_unacked",
    "rabbitmq_connections",
    "rabbitmq_channels",
    "rabbitmq_queues",
    "rabbitmq_consumers",
    "rabbitmq_process_open_tcp_sockets",
    "rabbitmq_process_max_tcp_sockets",
    "rabbitmq_global_publishers",
    "rabbitmq_global_consumers",
    "rabbitmq_global_messages_received_total",
    "rabbitmq_global_messages_received_confirm_total",
    "rabbitmq_global_messages_routed_total",
    "rabbitmq_global_messages_confirmed_total",
    "rabbitmq_global_messages_unroutable_dropped_total",
    "rabbitmq_global_messages_unroutable_returned_total",
    "rabbitmq_global_messages_delivered_total",
    "rabbitmq_global_messages_delivered_consume_auto_ack_total",
    "rabbitmq_global_messages_delivered_consume_manual_ack_total",
    "rabbitmq_global_messages_delivered_get_auto_ack_total",
    "rabbitmq_global_messages_delivered_get_manual_ack_total",
    "rabbitmq_global_messages_get_empty_total",
    "rabbitmq_global_messages_redelivered_total",
    "rabbitmq_global_messages_acknowledged_total",
    "rabbitmq_message_size_bytes",
    "rabbitmq_resident_memory_limit_bytes",
    "rabbitmq_process_resident_memory_bytes",
    "rabbitmq_disk_space_available_bytes",
    "rabbitmq_disk_space_available_limit_bytes",
    "rabbitmq_process_max_fds",
    "rabbitmq_process_open_fds",
    "rabbitmq_queues_declared_total",
    "rabbitmq_queues_created_total",
    "rabbitmq_queues_deleted_total",
    "rabbitmq_channels_opened_total",
    "rabbitmq_channels_closed_total",
    "rabbitmq_connections_opened_total",
    "rabbitmq_connections_closed_total",
    "rabbitmq_channel_messages_published_total",
    "rabbitmq_channel_messages_confirmed_total",
    "rabbitmq_channel_messages_unconfirmed",
    "rabbitmq_channel_messages_unroutable_dropped_total",
    "rabbitmq_channel_messages_unroutable_returned_total",
    "rabbitmq_channel_messages_delivered_total",
    "rabbitmq_channel_messages_delivered_ack_total",
    "rabbitmq_channel_messages_redelivered_total",
    "rabbitmq_channel_messages_acked_total",
    "rabbitmq_channel_get_total",
    "rabbitmq_channel_get_ack_total",
    "rabbitmq_channel_get_empty_total",
    "rabbitmq_channel_consumers",
    "rabbitmq_queue_messages_published_total",
    "rabbitmq_alarms_memory_used_watermark",
    "rabbitmq_alarms_free_disk_space_watermark",
    "rabbitmq_auth_attempts_total",
];

const PROTOCOL: (&str, &str) = ("protocol", "amqp091");
const CLASSIC: (&str, &str) = ("queue_type", "rabbit_classic_queue");

/// A broker with metrics on a port of their own, which is asked.
async fn watched(settings: Settings) -> Asked {
    let here = ([127, 0, 0, 1], 0);
    let builder = Broker::builder().settings(settings).ephemeral().listen(here).http(here).metrics(here);
    let broker = builder.start().await.unwrap();
    let address = broker.metrics_addr().unwrap();
    Asked { broker, address }
}

async fn say(broker: &Asked, path: &str) -> Said {
    broker.ask_as_nobody("GET", path).with("connection", "close").send().await
}

/// The body of an answer that came in pieces.
fn whole(said: &Said) -> Vec<u8> {
    assert_eq!(said.header("transfer-encoding"), Some("chunked"));
    let (mut rest, mut whole) = (said.body.as_slice(), Vec::new());
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
    }
}

async fn page(broker: &Asked, path: &str) -> Page {
    let said = say(broker, path).await;
    assert_eq!(said.status, 200, "{path}");
    assert_eq!(said.header("content-type"), Some("text/plain; version=0.0.4"));
    Page::read(std::str::from_utf8(&whole(&said)).unwrap())
}

/// Publishes five messages, gets two of them, one to be acknowledged; one publish goes nowhere.
async fn traffic(broker: &Asked) -> Peer {
    let mut peer = Peer::open_channel(broker.broker.amqp_addr()).await;
    peer.ask(1, declare("a\"b\\c")).await;
    peer.ask(1, Method::Confirm(confirm::AMQPMethod::Select(confirm::Select { nowait: false }))).await;
    for to in ["a\"b\\c", "a\"b\\c", "a\"b\\c", "a\"b\\c", "a\"b\\c", "nowhere"] {
        let publish = basic::Publish { routing_key: to.into(), ..Default::default() };
        peer.send_bytes(&publish_with(1, publish, &PropertiesBuilder::new().build(), &[7; 150])).await;
        peer.method(1).await;
    }
    for no_ack in [true, false] {
        let get = basic::Get { queue: "a\"b\\c".into(), no_ack };
        peer.ask(1, Method::Basic(basic::AMQPMethod::Get(get))).await;
        peer.frame().await;
        peer.frame().await;
    }
    peer
}

#[tokio::test]
async fn every_series_of_the_dashboards_is_there_from_the_first_scrape_on() {
    let broker = watched(Settings::default()).await;
    let page = page(&broker, "/metrics").await;
    let missing: Vec<_> = DASHBOARD.iter().filter(|name| !page.0.contains_key(**name)).collect();
    assert_eq!(missing, [&""; 0]);
    assert_eq!(page.0["rabbitmq_identity_info"].samples.len(), 1);
    let (_, labels, value) = &page.0["rabbitmq_identity_info"].samples[0];
    assert_eq!((labels[0].1.as_str(), labels[3].1.as_str()), ("leveret@localhost", "aggregated"));
    assert_eq!(value.to_bits(), 1.0_f64.to_bits());
    for kind in ["rabbit_classic_queue", "rabbit_quorum_queue"] {
        assert_eq!(
            page.count("rabbitmq_global_messages_delivered_total", &[PROTOCOL, ("queue_type", kind)]),
            0
        );
        for strategy in ["at_most_once", "disabled"] {
            let labels = [("queue_type", kind), ("dead_letter_strategy", strategy)];
            assert_eq!(page.count("rabbitmq_global_messages_dead_lettered_rejected_total", &labels), 0);
        }
    }
}

#[tokio::test]
async fn values_change_as_messages_flow_and_counters_stay_when_who_did_it_is_gone() {
    let broker = watched(Settings::default()).await;
    let mut peer = traffic(&broker).await;
    let now = page(&broker, "/metrics").await;
    let gauges = [
        ("rabbitmq_queue_messages_ready", 3),
        ("rabbitmq_queue_messages_unacked", 1),
        ("rabbitmq_queue_messages_ready_bytes", 450),
        ("rabbitmq_queue_messages_unacked_bytes", 150),
        ("rabbitmq_connections", 1),
        ("rabbitmq_channels", 1),
        ("rabbitmq_queues", 1),
    ];
    for (name, value) in gauges {
        assert_eq!(now.count(name, &[]), value, "{name}");
    }
    let check = |page: &Page| {
        for (name, value) in [
            ("rabbitmq_channel_messages_published_total", 6),
            ("rabbitmq_channel_messages_confirmed_total", 6),
            ("rabbitmq_channel_messages_unroutable_dropped_total", 1),
            ("rabbitmq_queue_messages_published_total", 5),
            ("rabbitmq_queue_get_total", 1),
            ("rabbitmq_queue_get_ack_total", 1),
        ] {
            assert_eq!(page.count(name, &[]), value, "{name}");
        }
        assert_eq!(page.count("rabbitmq_global_messages_received_total", &[PROTOCOL]), 6);
        assert_eq!(page.count("rabbitmq_global_messages_received_confirm_total", &[PROTOCOL]), 6);
        assert_eq!(page.count("rabbitmq_global_messages_routed_total", &[PROTOCOL]), 5);
        assert_eq!(
            page.count("rabbitmq_global_messages_delivered_get_manual_ack_total", &[PROTOCOL, CLASSIC]),
            1
        );
        assert_eq!(page.count("rabbitmq_message_size_bytes_bucket", &[PROTOCOL, ("le", "100.0")]), 0);
        assert_eq!(page.count("rabbitmq_message_size_bytes_bucket", &[PROTOCOL, ("le", "1000.0")]), 6);
        assert_eq!(page.count("rabbitmq_message_size_bytes_bucket", &[PROTOCOL, ("le", "1e+06")]), 6);
        assert_eq!(page.count("rabbitmq_message_size_bytes_sum", &[PROTOCOL]), 900);
    };
    check(&now);
    assert_eq!(now.count("leveret_connections", &[("state", "running")]), 1);
    let delete = queue::Delete { queue: "a\"b\\c".into(), ..Default::default() };
    peer.ask(1, Method::Queue(queue::AMQPMethod::Delete(delete))).await;
    peer.stop_sending().await;
    peer.until_end().await;
    let later = page(&broker, "/metrics").await;
    check(&later);
    assert_eq!(later.count("rabbitmq_queues_deleted_total", &[]), 1);
}

#[tokio::test]
async fn objects_are_told_of_by_themselves_where_that_is_asked_for() {
    let broker = watched(Settings::default()).await;
    let _peer = traffic(&broker).await;
    let of_queue = [("vhost", "/"), ("queue", "a\"b\\c")];
    let all = page(&broker, "/metrics/per-object").await;
    assert_eq!(all.count("rabbitmq_queue_messages_ready", &of_queue), 3);
    assert_eq!(all.0["rabbitmq_channel_messages_published_total"].samples.len(), 1);
    assert_eq!(
        all.count("rabbitmq_exchange_messages_published_total", &[("vhost", "/"), ("exchange", "")]),
        6
    );
    assert!(all.get("leveret_queue_oldest_message_age_seconds", &of_queue).is_some());
    let some =
        page(&broker, "/metrics/detailed?family=queue_coarse_metrics&family=vhost_status&family=nope").await;
    assert_eq!(some.count("rabbitmq_detailed_queue_messages_ready", &of_queue), 3);
    let info = [of_queue[0], of_queue[1], CLASSIC, ("membership", "leader")];
    assert_eq!(some.count("rabbitmq_detailed_queue_info", &info), 1);
    assert_eq!(some.count("rabbitmq_cluster_vhost_status", &[("vhost", "/")]), 1);
    assert!(!some.0.contains_key("rabbitmq_detailed_queue_get_total"));
    let names: Vec<String> = page(&broker, "/metrics/detailed").await.0.into_keys().collect();
    assert_eq!(names, ["rabbitmq_build_info", "rabbitmq_identity_info"]);
    for none in ["vhost=other", "queue=^b"] {
        let page = page(&broker, &format!("/metrics/detailed?family=queue_coarse_metrics&{none}")).await;
        assert!(!page.0.contains_key("rabbitmq_detailed_queue_messages_ready"), "{none}");
    }
    let memory = page(&broker, "/metrics/memory-breakdown").await;
    assert!(memory.count("rabbitmq_memory_other_system_bytes", &[]) != 0);
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_refused() {
    let broker = watched(Settings::default()).await;
    for (path, status) in [
        ("/metrics/nope", 404),
        ("/", 404),
        ("/metricsx", 404),
        ("/api/overview", 404),
        ("/metrics/detailed?queue=(", 400),
        ("/metrics/detailed?queue=a&queue=b", 400),
        // Nobody may have this compiled, let alone without a password.
        (
            &format!(
                "/metrics/detailed?family=queue_coarse_metrics&queue={}",
                r"(?=%5Cw%7B50%7D)".repeat(300)
            ),
            400,
        ),
        (r"/metrics/detailed?family=queue_coarse_metrics&queue=(a)%5C1", 400),
        (r"/metrics/detailed?family=queue_coarse_metrics&queue=%5E(?!amq)", 200),
    ] {
        assert_eq!(say(&broker, path).await.status, status, "{path}");
    }
    assert_eq!(broker.ask_as_nobody("POST", "/metrics").send().await.status, 405);
    let head = broker.ask_as_nobody("HEAD", "/metrics").send().await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test]
async fn a_page_is_packed_for_who_can_unpack_it() {
    let broker = watched(Settings::default()).await;
    let said = broker.ask_as_nobody("GET", "/metrics/").with("accept-encoding", "gzip").send().await;
    assert_eq!(said.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    GzDecoder::new(whole(&said).as_slice()).read_to_string(&mut text).unwrap();
    assert!(Page::read(&text).0.contains_key("rabbitmq_identity_info"));
}

#[tokio::test]
async fn metrics_may_be_for_those_who_watch_and_are_where_the_api_is() {
    let metrics = MetricsSettings {
        asks_for_login: true,
        path: "/m".to_owned(),
        per_object: true,
        ..Default::default()
    };
    let broker = watched(Settings { metrics, ..Settings::default() }).await;
    assert_eq!(say(&broker, "/m").await.status, 401);
    assert_eq!(broker.ask("GET", "/m").by("guest", "wrong").send().await.status, 401);
    let said = broker.ask("GET", "/m").send().await;
    assert_eq!(said.status, 200);
    assert!(Page::read(std::str::from_utf8(&whole(&said)).unwrap()).0.contains_key("rabbitmq_queues"));
    let api = Asked { address: broker.broker.http_addr().unwrap(), broker: broker.broker };
    assert_eq!(api.send("PUT", "/api/users/m", &json!({"password": "m", "tags": "management"})).await, 201);
    assert_eq!(api.ask("GET", "/m").by("m", "m").send().await.status, 401);
    assert_eq!(api.ask("GET", "/m").send().await.status, 200);
    let plain = crate::ask::broker().await;
    assert_eq!(plain.ask("GET", "/metrics").send().await.status, 404);
}

/// Every name in a table's first column; families of two names are two rows.
fn documented() -> BTreeSet<&'static str> {
    let rows = include_str!("../../docs/metrics.md").lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).filter(|name| !name.starts_with('/')).collect()
}

#[tokio::test]
async fn every_metric_is_documented_and_none_else() {
    let directory = tempfile::tempdir().unwrap();
    let here = ([127, 0, 0, 1], 0);
    let builder = Broker::builder().data_dir(directory.path()).listen(here).metrics(here);
    // Nobody collects there: what is lost is counted, too.
    let builder = builder.otlp("http://127.0.0.1:9".parse().unwrap());
    let broker = builder.start().await.unwrap();
    let broker = Asked { address: broker.metrics_addr().unwrap(), broker };
    let _peer = traffic(&broker).await;
    let all = "family=vhost_status&family=exchange_bindings&family=exchange_names";
    let mut told = BTreeSet::new();
    for path in
        ["/metrics", "/metrics/per-object", "/metrics/memory-breakdown", &format!("/metrics/detailed?{all}")]
    {
        told.extend(page(&broker, path).await.0.into_keys());
    }
    let documented = documented();
    let missing: Vec<_> = told.iter().filter(|name| !documented.contains(name.as_str())).collect();
    let gone: Vec<_> = documented.iter().filter(|name| !told.contains(**name)).collect();
    assert_eq!((missing, gone), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn the_log_tells_what_it_does() {
    let directory = tempfile::tempdir().unwrap();
    let here = ([127, 0, 0, 1], 0);
    let builder = Broker::builder().data_dir(directory.path()).listen(here).metrics(here);
    let broker = builder.start().await.unwrap();
    let broker = Asked { address: broker.metrics_addr().unwrap(), broker };
    let mut peer = Peer::open_channel(broker.broker.amqp_addr()).await;
    let kept = queue::Declare { queue: "kept".into(), durable: true, ..Default::default() };
    peer.ask(1, Method::Queue(queue::AMQPMethod::Declare(kept))).await;
    peer.ask(1, Method::Confirm(confirm::AMQPMethod::Select(confirm::Select { nowait: false }))).await;
    let before = page(&broker, "/metrics").await;
    let publish = basic::Publish { routing_key: "kept".into(), ..Default::default() };
    let persistent = PropertiesBuilder::new().delivery_mode(2).build();
    peer.send_bytes(&publish_with(1, publish, &persistent, &[7; 5000])).await;
    peer.method(1).await;
    let after = page(&broker, "/metrics").await;
    let rise = |name: &str| after.count(name, &[]) - before.count(name, &[]);
    assert_eq!(rise("rabbitmq_queue_disk_writes_total"), 1);
    assert!(1 <= rise("leveret_commit_seconds_count") && 5000 <= rise("leveret_commit_bytes_sum"));
    assert!(5000 <= rise("rabbitmq_io_write_bytes_total") && 5000 <= rise("leveret_log_bytes"));
    assert_eq!((after.count("leveret_log_segments", &[]), after.count("leveret_log_failed", &[])), (1, 0));
}
