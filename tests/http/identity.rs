//! Who the broker is, logins, features, what plugins would list, the reference.

use serde_json::{Value, json};

use crate::ask::broker;

const NODE: &str = "leveret@localhost";

#[tokio::test]
async fn the_version_is_rabbitmqs() {
    let broker = broker().await;
    let said = broker.ask_as_nobody("GET", "/api/version/").send().await;
    assert_eq!((said.status, said.json()), (200, json!("4.3.6")));
}

#[tokio::test]
async fn a_form_logs_in() {
    let broker = broker().await;
    let form = |body: &'static str| broker.ask_as_nobody("POST", "/api/login").body(body.as_bytes()).send();
    let said = form("username=guest&password=guest").await;
    let user = json!({"name": "guest", "tags": ["administrator"], "is_internal_user": true});
    let token = json!({"type": "basic", "value": "Z3Vlc3Q6Z3Vlc3Q="});
    assert_eq!((said.status, said.json()), (200, json!({"user": user, "token": token})));
    for wrong in ["username=guest&password=x", "x=1", "", "{\"username\":\"guest\"}"] {
        let said = form(wrong).await;
        assert_eq!((said.status, said.reason()), (401, json!("Not_Authorized")), "{wrong}");
    }
    broker.send("PUT", "/api/users/plain", &json!({"password": "p", "tags": ""})).await;
    assert_eq!(form("username=plain&password=p").await.reason(), "Not management user");
    assert_eq!(broker.ask_as_nobody("DELETE", "/api/login").send().await.status, 204);
}

#[tokio::test]
async fn logins_are_counted_by_protocol() {
    let broker = broker().await;
    let path = format!("/api/auth/attempts/{NODE}");
    broker.ask("GET", "/api/whoami").by("guest", "wrong").send().await;
    let counts = |protocol: &str, failed: u64, succeeded: u64| {
        json!({"protocol": protocol, "auth_attempts": failed + succeeded,
               "auth_attempts_failed": failed, "auth_attempts_succeeded": succeeded})
    };
    assert_eq!(broker.get(&path).await, json!([counts("http", 1, 1), counts("amqp091", 0, 0)]));
    assert_eq!(broker.get(&format!("{path}/source")).await, json!([]));
    assert_eq!(broker.ask("DELETE", &path).send().await.status, 204);
    assert_eq!(broker.get(&path).await[0], counts("http", 0, 1));
    assert_eq!(broker.ask("GET", "/api/auth/attempts/nope").send().await.status, 404);
}

#[tokio::test]
async fn many_wrong_passwords_are_answered_late_and_a_right_one_at_once() {
    let clock = leveret::Clock::manual(leveret::Timestamp::from_micros(1_000_000_000));
    let broker = crate::ask::start(leveret::Broker::builder().ephemeral().clock(&clock)).await;
    let wrong = || broker.ask("GET", "/api/whoami").by("guest", "wrong").send();
    for _ in 0..10 {
        assert_eq!(wrong().await.status, 401);
    }
    let late = wrong();
    tokio::pin!(late);
    tokio::select! {
        biased;
        said = &mut late => panic!("answered at once: {said:?}"),
        _ = broker.get("/api/whoami") => {}
    }
    clock.advance(std::time::Duration::from_secs(2));
    assert_eq!(late.await.status, 401);
}

#[tokio::test]
async fn features_are_told_as_tools_look_for_them() {
    let broker = broker().await;
    let flags = broker.get("/api/feature-flags").await;
    for name in ["quorum_queue", "stream_queue", "khepri_db", "detailed_queues_endpoint"] {
        let flag = flags.as_array().unwrap().iter().find(|flag| flag["name"] == name).unwrap();
        assert_eq!(flag["state"], "enabled", "{name}");
    }
    let enable = |name: &str| format!("/api/feature-flags/{name}/enable");
    assert_eq!(broker.send("PUT", &enable("quorum_queue"), &json!({"name": "x"})).await, 204);
    let said = broker.say("PUT", &enable("nope"), &json!({})).await;
    assert_eq!((said.status, said.reason()), (400, json!("unsupported")));
    assert_eq!(broker.get("/api/deprecated-features/used").await, json!([]));
    assert_eq!(broker.get("/api/deprecated-features").await[1]["deprecation_phase"], "denied_by_default");
}

#[tokio::test]
async fn what_is_done_to_clusters_does_nothing_here() {
    let broker = broker().await;
    assert_eq!(broker.ask("POST", "/api/rebalance/queues").send().await.status, 204);
    assert_eq!(broker.ask("GET", "/api/rebalance/queues").send().await.status, 405);
    assert_eq!(broker.ask("DELETE", &format!("/api/reset/{NODE}")).send().await.status, 204);
    assert_eq!(broker.ask("DELETE", "/api/reset/nope").send().await.status, 404);
}

#[tokio::test]
async fn plugins_that_are_not_here_list_nothing() {
    let broker = broker().await;
    let paths = [
        "shovels",
        "shovels/%2F",
        "federation-links",
        "federation-links/%2F",
        "federation-links/state/down",
        "stream/connections",
        "stream/consumers/%2F",
        "traces",
        "traces/%2F",
        "trace-files",
    ];
    for path in paths {
        assert_eq!(broker.get(&format!("/api/{path}")).await, json!([]), "{path}");
    }
    assert_eq!(broker.ask("GET", "/api/shovels/nope").send().await.status, 404);
}

#[tokio::test]
async fn the_reference_is_there_for_people_and_programs() {
    let broker = broker().await;
    let page = broker.ask_as_nobody("GET", "/api/index.html").send().await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    let text = String::from_utf8(page.body).unwrap();
    assert!(text.contains("<code>/api/users/:user</code>") && text.ends_with("</html>\n"), "{text}");
    let reference: Value = broker.get("/api/openapi.json").await;
    let put = &reference["paths"]["/api/users/{user}"]["put"];
    assert_eq!((&put["x-tag"], &put["parameters"][0]["name"]), (&json!("administrator"), &json!("user")));
    let ids: Vec<&Value> = reference["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .map(|operation| &operation["operationId"])
        .collect();
    let different: std::collections::BTreeSet<&str> = ids.iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(different.len(), ids.len());
}
