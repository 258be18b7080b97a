//! Health checks.

use serde_json::{Value, json};

use crate::ask::{broker, start};
use crate::support::within;

#[tokio::test]
async fn a_broker_that_is_well_says_so() {
    let broker = broker().await;
    let ok = json!({"status": "ok"});
    let checks = [
        "alarms",
        "local-alarms",
        "virtual-hosts",
        "is-in-service",
        "below-node-connection-limit",
        "ready-to-serve-clients",
        "reached-target-cluster-size",
        "metadata-store/initialized",
        "metadata-store/initialized/with-data",
        "certificate-expiration/1/weeks",
        "quorum-queues-without-elected-leaders/all-vhosts",
        "quorum-queues-without-elected-leaders/all-vhosts/",
        "quorum-queues-without-elected-leaders/vhost/nope/pattern/.*",
    ];
    for check in checks {
        assert_eq!(broker.get(&format!("/api/health/checks/{check}")).await, ok, "{check}");
    }
    for path in [
        "/healthz",
        "/readyz",
        "/api/aliveness-test/%2F/",
        "/api/healthchecks/node",
        "/api/healthchecks/node/leveret@localhost",
    ] {
        assert_eq!(broker.get(path).await, ok, "{path}");
    }
    let alone = broker.get("/api/health/checks/node-is-quorum-critical").await;
    assert_eq!(alone, json!({"status": "ok", "reason": "single node cluster"}));
    for path in ["/api/healthchecks/node/nope", "/api/health/checks/nope", "/api/aliveness-test/nope"] {
        assert_eq!(broker.ask("GET", path).send().await.status, 404, "{path}");
    }
    assert_eq!(broker.ask_as_nobody("GET", "/readyz").send().await.status, 200);
}

#[tokio::test]
async fn ports_and_protocols_are_those_that_are_listened_at() {
    let broker = broker().await;
    let (amqp, http) = (broker.broker.amqp_addr().port(), broker.address.port());
    let check = |what: String| format!("/api/health/checks/{what}");
    for port in [amqp, http] {
        let said = broker.get(&check(format!("port-listener/{port}"))).await;
        assert_eq!(said, json!({"status": "ok", "port": port}));
    }
    let said = broker.ask("GET", &check("port-listener/1".to_owned())).send().await;
    let mut ports = [amqp, http];
    ports.sort_unstable();
    let expected = json!({"status": "failed", "reason": "No active listener", "missing": 1, "ports": ports});
    assert_eq!((said.status, said.json()), (503, expected));
    let said = broker.ask("GET", &check("port-listener/x".to_owned())).send().await;
    assert_eq!((said.status, said.reason()), (400, json!("Invalid port")));
    for names in ["amqp", "amqp091", "amqp,http", "amqp0.9.1"] {
        let said = broker.get(&check(format!("protocol-listener/{names}"))).await;
        assert_eq!(said, json!({"status": "ok", "protocols": ["amqp", "http"]}), "{names}");
    }
    let said = broker.ask("GET", &check("protocol-listener/amqp,amqps".to_owned())).send().await;
    let expected = json!({"status": "failed", "reason": "No active listener", "missing": ["amqp/ssl"], "protocols": ["amqp", "http"]});
    assert_eq!((said.status, said.json()), (503, expected));
    for (path, reason) in [
        ("x/weeks", "Invalid expiration value."),
        ("1/nope", "Time unit not recognised. Supported units: days, weeks, months, years."),
    ] {
        let said = broker.ask("GET", &check(format!("certificate-expiration/{path}"))).send().await;
        assert_eq!((said.status, said.reason()), (400, json!(reason)));
    }
}

#[tokio::test]
async fn an_alarm_fails_the_checks_that_look_for_it() {
    let builder =
        leveret::Broker::builder().ephemeral().memory_high_watermark_bytes(1).memory_measure(|| Some(2));
    let broker = start(builder).await;
    let said = within("the alarm", async {
        loop {
            let said = broker.ask("GET", "/api/health/checks/alarms").send().await;
            if said.status == 503 {
                break said;
            }
        }
    })
    .await;
    let alarms: Value = json!([{"node": "leveret@localhost", "resource": "memory"}]);
    let expected =
        json!({"status": "failed", "reason": "There are alarms in effect in the cluster", "alarms": alarms});
    assert_eq!(said.json(), expected);
    let said = broker.ask("GET", "/api/health/checks/local-alarms").send().await;
    assert_eq!((said.status, said.reason()), (503, json!("There are alarms in effect on the node")));
    // Consumers go on.
    assert_eq!(broker.ask("GET", "/readyz").send().await.status, 200);
}
