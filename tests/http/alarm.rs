//! Publishers over HTTP during an alarm: they are held back as all are, but told at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use leveret::{Broker, Clock, ManualClock, Timestamp};
use serde_json::{Value, json};

use crate::ask::{self, Asked};

const WATERMARK_BYTES: u64 = 1000;

/// A broker that believes what the test says of its memory.
struct Alarmed {
    asked: Asked,
    clock: ManualClock,
    memory: Arc<AtomicU64>,
}

impl Alarmed {
    async fn start() -> Self {
        let clock = Clock::manual(Timestamp::from_micros(0));
        let memory = Arc::new(AtomicU64::new(0));
        let measured = memory.clone();
        let builder = Broker::builder()
            .ephemeral()
            .clock(&clock)
            .memory_high_watermark_bytes(WATERMARK_BYTES)
            .memory_measure(move || Some(measured.load(Ordering::Relaxed)));
        Self { asked: ask::start(builder).await, clock, memory }
    }

    /// Sets what it uses, and asks until the alarm is what it is to be.
    async fn use_bytes(&self, bytes: u64, status: u16) {
        self.memory.store(bytes, Ordering::Relaxed);
        self.clock.advance(Duration::from_secs(1));
        for _ in 0..1000 {
            if self.asked.ask("GET", "/api/health/checks/alarms").send().await.status == status {
                return;
            }
        }
        panic!("the alarm is not what it is to be");
    }

    async fn publish(&self, queue: &str) -> (u16, Value) {
        let body =
            json!({"properties": {}, "routing_key": queue, "payload": "x", "payload_encoding": "string"});
        let said = self.asked.say("POST", "/api/exchanges/%2F/amq.default/publish", &body).await;
        (said.status, said.json())
    }
}

#[tokio::test]
async fn nothing_is_published_or_sent_back_during_an_alarm() {
    let broker = Alarmed::start().await;
    for queue in ["work", "dead"] {
        broker.asked.send("PUT", &format!("/api/queues/%2F/{queue}"), &json!({})).await;
    }
    let taken = (200, json!({"routed": true}));
    for _ in 0..2 {
        assert_eq!(broker.publish("dead").await, taken);
    }
    broker.use_bytes(WATERMARK_BYTES + 1, 503).await;
    let blocked = "publishers are blocked: low on memory";
    let refused = json!({"error": "blocked", "reason": blocked});
    assert_eq!(broker.publish("work").await, (503, refused));
    let order = json!({"to": {"exchange": "", "routing_key": "work"}});
    let done = broker.asked.say("POST", "/api/queues/%2F/dead/redrive", &order).await.json();
    let failures = json!([{"reason": blocked, "messages": 1}]);
    assert_eq!((&done["moved"], &done["failures"]), (&json!(0), &failures), "it ends with the first");
    assert_eq!(broker.asked.get("/api/queues/%2F/work").await["messages"], 0);
    broker.use_bytes(0, 200).await;
    assert_eq!(broker.publish("work").await, taken);
    let done = broker.asked.say("POST", "/api/queues/%2F/dead/redrive", &order).await.json();
    assert_eq!((&done["moved"], &done["failed"]), (&json!(2), &json!(0)));
}
