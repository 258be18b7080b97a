//! Who may call what: every endpoint by every tag.
//!
//! The endpoints come from the broker itself (`/api/openapi.json`), so one that nobody thought of fails here. An endpoint
//! refuses (401) whom it is not for; what else it answers to the others is not looked at here.

use std::collections::BTreeSet;

use serde_json::json;

use crate::ask::{Asked, broker};

/// Those who ask, from the one who may least.
const TAGS: &[&str] = &["", "management", "policymaker", "monitoring", "administrator"];

/// Whom an endpoint is for, as indices of [`TAGS`].
#[derive(Clone, Copy, Debug)]
enum For {
    Anyone,
    Management,
    Policymaker,
    Monitoring,
    Administrator,
    /// Nobody who says nothing right in the body.
    Form,
}

impl For {
    fn lets_in(self, tag: &str) -> bool {
        match self {
            Self::Anyone => true,
            Self::Management => !tag.is_empty(),
            Self::Policymaker => matches!(tag, "policymaker" | "administrator"),
            Self::Monitoring => matches!(tag, "monitoring" | "administrator"),
            Self::Administrator => tag == "administrator",
            Self::Form => false,
        }
    }
}

const MATRIX: &[(For, &[&str])] = &[
    (
        For::Anyone,
        &[
            "GET /api",
            "GET /api/health/checks/below-node-connection-limit",
            "GET /api/health/checks/is-in-service",
            "GET /api/health/checks/reached-target-cluster-size",
            "GET /api/health/checks/ready-to-serve-clients",
            "GET /api/index.html",
            "GET /api/openapi.json",
            "GET /api/version",
            "GET /doc/stats.html",
            "GET /healthz",
            "GET /readyz",
            "GET /stats",
            "DELETE /api/login",
        ],
    ),
    (For::Form, &["POST /api/login"]),
    (
        For::Management,
        &[
            "DELETE /api/bindings/{vhost}/e/{exchange}/e/{destination}/{properties}",
            "DELETE /api/bindings/{vhost}/e/{exchange}/q/{queue}/{properties}",
            "DELETE /api/connections/{connection}",
            "DELETE /api/exchanges/{vhost}/{exchange}",
            "DELETE /api/queues/{vhost}/{queue}",
            "DELETE /api/queues/{vhost}/{queue}/contents",
            "GET /api/bindings",
            "GET /api/bindings/{vhost}",
            "GET /api/bindings/{vhost}/e/{exchange}/e/{destination}",
            "GET /api/bindings/{vhost}/e/{exchange}/e/{destination}/{properties}",
            "GET /api/bindings/{vhost}/e/{exchange}/q/{queue}",
            "GET /api/bindings/{vhost}/e/{exchange}/q/{queue}/{properties}",
            "GET /api/channels",
            "GET /api/channels/{channel}",
            "GET /api/connections",
            "GET /api/connections/{connection}",
            "GET /api/connections/{connection}/channels",
            "GET /api/connections/{connection}/sessions",
            "GET /api/consumers",
            "GET /api/consumers/{vhost}",
            "GET /api/exchanges",
            "GET /api/exchanges/{vhost}",
            "GET /api/exchanges/{vhost}/{exchange}",
            "GET /api/exchanges/{vhost}/{exchange}/bindings/destination",
            "GET /api/exchanges/{vhost}/{exchange}/bindings/source",
            "GET /api/exchanges/{vhost}/{exchange}/delayed",
            "GET /api/overview",
            "GET /api/queues/{vhost}/{queue}/messages",
            "GET /api/queues/{vhost}/{queue}/unacked",
            "POST /api/queues/{vhost}/{queue}/redrive",
            "GET /api/queues",
            "GET /api/queues/detailed",
            "GET /api/queues/{vhost}",
            "GET /api/queues/{vhost}/{queue}",
            "GET /api/queues/{vhost}/{queue}/bindings",
            "GET /api/vhosts/{vhost}/channels",
            "GET /api/vhosts/{vhost}/connections",
            "POST /api/bindings/{vhost}/e/{exchange}/e/{destination}",
            "POST /api/bindings/{vhost}/e/{exchange}/q/{queue}",
            "POST /api/exchanges/{vhost}/{exchange}/publish",
            "POST /api/queues/{vhost}/{queue}/get",
            "PUT /api/exchanges/{vhost}/{exchange}",
            "PUT /api/queues/{vhost}/{queue}",
            "GET /api/aliveness-test/{vhost}",
            "GET /api/cluster-name",
            "GET /api/deprecated-features",
            "GET /api/deprecated-features/used",
            "GET /api/extensions",
            "GET /api/feature-flags",
            "GET /api/health/checks/alarms",
            "GET /api/health/checks/certificate-expiration/{within}/{unit}",
            "GET /api/health/checks/local-alarms",
            "GET /api/health/checks/metadata-store/initialized",
            "GET /api/health/checks/metadata-store/initialized/with-data",
            "GET /api/health/checks/node-is-quorum-critical",
            "GET /api/health/checks/port-listener/{port}",
            "GET /api/health/checks/protocol-listener/{protocols}",
            "GET /api/health/checks/quorum-queues-without-elected-leaders/all-vhosts",
            "GET /api/health/checks/quorum-queues-without-elected-leaders/all-vhosts/pattern/{pattern}",
            "GET /api/health/checks/quorum-queues-without-elected-leaders/vhost/{name}",
            "GET /api/health/checks/quorum-queues-without-elected-leaders/vhost/{name}/pattern/{pattern}",
            "GET /api/health/checks/virtual-hosts",
            "GET /api/healthchecks/node",
            "GET /api/healthchecks/node/{node}",
            "GET /api/operator-policies",
            "GET /api/operator-policies/{vhost}",
            "GET /api/policies",
            "GET /api/policies/{vhost}",
            "GET /api/stream/connections",
            "GET /api/stream/connections/{vhost}",
            "GET /api/stream/consumers",
            "GET /api/stream/consumers/{vhost}",
            "GET /api/stream/publishers",
            "GET /api/stream/publishers/{vhost}",
            "GET /api/stream/publishers/{vhost}/{queue}",
            "GET /api/vhost-limits",
            "GET /api/vhost-limits/{vhost}",
            "GET /api/vhosts",
            "GET /api/whoami",
        ],
    ),
    (
        For::Policymaker,
        &[
            "DELETE /api/global-parameters/{name}",
            "DELETE /api/parameters/{component}/{vhost}/{name}",
            "DELETE /api/policies/{vhost}/{name}",
            "GET /api/global-parameters",
            "GET /api/global-parameters/{name}",
            "GET /api/parameters",
            "GET /api/parameters/{component}",
            "GET /api/parameters/{component}/{vhost}",
            "GET /api/parameters/{component}/{vhost}/{name}",
            "GET /api/policies/{vhost}/{name}",
            "PUT /api/global-parameters/{name}",
            "PUT /api/parameters/{component}/{vhost}/{name}",
            "PUT /api/policies/{vhost}/{name}",
        ],
    ),
    (
        For::Monitoring,
        &[
            "GET /api/connections/username/{user}",
            "GET /api/nodes",
            "GET /api/nodes/{node}",
            "GET /api/nodes/{node}/memory",
            "GET /api/nodes/{node}/memory/relative",
            "GET /api/auth/attempts/{node}",
            "GET /api/auth/attempts/{node}/source",
            "GET /api/federation-links",
            "GET /api/federation-links/state/down",
            "GET /api/federation-links/{vhost}",
            "GET /api/federation-links/{vhost}/state/down",
            "GET /api/shovels",
            "GET /api/shovels/{vhost}",
            // The user itself may, too.
            "GET /api/user-limits/{user}",
        ],
    ),
    (
        For::Administrator,
        &[
            "DELETE /api/auth/attempts/{node}",
            "DELETE /api/connections/username/{user}",
            "DELETE /api/auth/attempts/{node}/source",
            "DELETE /api/operator-policies/{vhost}/{name}",
            "DELETE /api/permissions/{vhost}/{user}",
            "DELETE /api/reset",
            "DELETE /api/reset/{node}",
            "DELETE /api/topic-permissions/{vhost}/{user}",
            "DELETE /api/topic-permissions/{vhost}/{user}/{exchange}",
            "DELETE /api/user-limits/{user}/{name}",
            "DELETE /api/users/{user}",
            "DELETE /api/vhost-limits/{vhost}/{name}",
            "DELETE /api/vhosts/{vhost}",
            "DELETE /api/vhosts/{vhost}/deletion/protection",
            "GET /api/all-configuration",
            "GET /api/auth/hash_password/{password}",
            "GET /api/config/effective",
            "GET /api/definitions",
            "GET /api/definitions/{vhost}",
            "GET /api/operator-policies/{vhost}/{name}",
            "GET /api/permissions",
            "GET /api/permissions/{vhost}/{user}",
            "GET /api/topic-permissions",
            "GET /api/topic-permissions/{vhost}/{user}",
            "GET /api/topic-permissions/{vhost}/{user}/{exchange}",
            "GET /api/trace-files",
            "GET /api/traces",
            "GET /api/traces/{vhost}",
            "GET /api/user-limits",
            "GET /api/users",
            "GET /api/users/without-permissions",
            "GET /api/users/{user}",
            "GET /api/users/{user}/permissions",
            "GET /api/users/{user}/topic-permissions",
            "GET /api/vhosts/{vhost}",
            "GET /api/vhosts/{vhost}/permissions",
            "GET /api/vhosts/{vhost}/topic-permissions",
            "POST /api/all-configuration",
            "POST /api/definitions",
            "POST /api/definitions/{vhost}",
            "POST /api/queues/{vhost}/{queue}/actions",
            "POST /api/rebalance/queues",
            "POST /api/users/bulk-delete",
            "POST /api/vhosts/{vhost}/deletion/protection",
            "POST /api/vhosts/{vhost}/start/{node}",
            "PUT /api/cluster-name",
            "PUT /api/feature-flags/{name}/enable",
            "PUT /api/operator-policies/{vhost}/{name}",
            "PUT /api/permissions/{vhost}/{user}",
            "PUT /api/topic-permissions/{vhost}/{user}",
            "PUT /api/user-limits/{user}/{name}",
            "PUT /api/users/{user}",
            "PUT /api/vhost-limits/{vhost}/{name}",
            "PUT /api/vhosts/{vhost}",
        ],
    ),
];

/// Endpoints of one virtual host, and whether monitoring sees those that it may not enter.
const OF_A_VHOST: &[(&str, bool)] = &[
    ("GET /api/aliveness-test/{vhost}", false),
    ("GET /api/bindings/{vhost}", false),
    ("GET /api/consumers/{vhost}", true),
    ("GET /api/exchanges/{vhost}", false),
    ("GET /api/exchanges/{vhost}/{exchange}", false),
    ("PUT /api/exchanges/{vhost}/{exchange}", false),
    ("GET /api/queues/{vhost}", false),
    ("PUT /api/queues/{vhost}/{queue}", false),
    ("POST /api/queues/{vhost}/{queue}/get", false),
    ("GET /api/queues/{vhost}/{queue}/messages", false),
    ("POST /api/queues/{vhost}/{queue}/redrive", false),
    ("GET /api/vhosts/{vhost}/connections", false),
    ("GET /api/parameters/{component}/{vhost}", false),
    ("PUT /api/parameters/{component}/{vhost}/{name}", false),
    ("GET /api/policies/{vhost}", false),
    ("GET /api/policies/{vhost}/{name}", false),
    ("PUT /api/policies/{vhost}/{name}", false),
    ("DELETE /api/policies/{vhost}/{name}", false),
    ("GET /api/operator-policies/{vhost}", false),
    ("GET /api/stream/connections/{vhost}", false),
    ("GET /api/vhost-limits/{vhost}", true),
];

/// A broker with a user for each tag, named after it, who may enter `v` but not `other`.
async fn with_users() -> Asked {
    let broker = broker().await;
    for vhost in ["v", "other"] {
        assert_eq!(broker.send("PUT", &format!("/api/vhosts/{vhost}"), &json!({})).await, 201);
    }
    for tag in TAGS {
        let user = format!("u{tag}");
        let body = json!({"password": "secret", "tags": tag});
        assert_eq!(broker.send("PUT", &format!("/api/users/{user}"), &body).await, 201);
        let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
        assert_eq!(broker.send("PUT", &format!("/api/permissions/v/{user}"), &all).await, 201);
    }
    broker
}

/// An endpoint with names in it: of things that are not there where something would be changed.
fn filled(endpoint: &str, vhost: &str) -> (String, String) {
    let (method, path) = endpoint.split_once(' ').unwrap();
    let path = path
        .replace("{vhost}", vhost)
        .replace("{node}", "leveret@localhost")
        .replace("{unit}", "days")
        .replace("{within}", "1")
        .replace("{port}", "1");
    let path = path.split('/').map(|segment| if segment.starts_with('{') { "nothing" } else { segment });
    (method.to_owned(), path.collect::<Vec<_>>().join("/"))
}

#[tokio::test]
async fn every_endpoint_is_for_whom_it_is_for() {
    let broker = with_users().await;
    for (whom, endpoints) in MATRIX {
        for endpoint in *endpoints {
            let changes_vhosts = matches!(whom, For::Administrator) && !endpoint.starts_with("GET");
            let (method, path) = filled(endpoint, if changes_vhosts { "nothing" } else { "v" });
            let nobody = broker.ask_as_nobody(&method, &path).send().await.status;
            assert_eq!(nobody != 401, matches!(whom, For::Anyone), "nobody: {endpoint}: {nobody}");
            for tag in TAGS {
                let said = broker.ask(&method, &path).by(&format!("u{tag}"), "secret").send().await;
                assert_eq!(said.status != 401, whom.lets_in(tag), "{tag:?}: {endpoint}: {}", said.status);
                assert!(said.status < 405 || matches!(said.status, 415 | 503), "{endpoint}: {}", said.status);
            }
            // What an administrator has made by asking is in nobody's way.
            broker.ask("DELETE", "/api/vhosts/nothing").send().await;
        }
    }
}

#[tokio::test]
async fn no_endpoint_is_missing_in_the_matrix() {
    let broker = broker().await;
    let reference = broker.get("/api/openapi.json").await;
    let served: BTreeSet<String> = reference["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let expected: BTreeSet<String> = MATRIX
        .iter()
        .flat_map(|(_, endpoints)| endpoints.iter().map(|endpoint| (*endpoint).to_owned()))
        .collect();
    let missing: Vec<_> = served.symmetric_difference(&expected).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[tokio::test]
async fn a_virtual_host_that_a_user_may_not_enter_is_not_there_for_it() {
    let broker = with_users().await;
    for (endpoint, is_for_monitoring) in OF_A_VHOST {
        let (method, path) = filled(endpoint, "other");
        for tag in ["policymaker", "monitoring"] {
            let said = broker.ask(&method, &path).by(&format!("u{tag}"), "secret").send().await;
            let is_hidden = said.status == 404 && said.reason() == "Not Found";
            let is_refused = said.status == 401;
            let sees = tag == "monitoring" && *is_for_monitoring;
            assert_eq!(is_hidden || is_refused, !sees, "{tag}: {endpoint}: {}", said.status);
        }
    }
    let names = broker.ask("GET", "/api/vhosts?columns=name").by("upolicymaker", "secret").send().await;
    assert_eq!(names.json(), json!([{"name": "v"}]));
    // Who watches the broker knows what there is (asked of RabbitMQ 4.3.6).
    let names = broker.ask("GET", "/api/vhosts?columns=name").by("umonitoring", "secret").send().await;
    assert_eq!(names.json(), json!([{"name": "/"}, {"name": "other"}, {"name": "v"}]));
    let names = broker.ask("GET", "/api/vhosts?columns=name").by("uadministrator", "secret").send().await;
    assert_eq!(names.json(), json!([{"name": "/"}, {"name": "other"}, {"name": "v"}]));
    // Administrators see it, but cannot use it.
    let said = broker.ask("GET", "/api/aliveness-test/other").by("uadministrator", "secret").send().await;
    assert_eq!((said.status, said.reason()), (401, json!("Access refused.")));
}

#[tokio::test]
async fn refusals_say_which_tag_is_missing() {
    let broker = with_users().await;
    let table = [
        ("", "/api/whoami", "Not management user"),
        ("", "/api/users", "Not management user"),
        ("management", "/api/users", "Not administrator user"),
        ("monitoring", "/api/users/guest", "Not administrator user"),
        ("policymaker", "/api/auth/attempts/leveret@localhost", "Not monitor user"),
        ("management", "/api/policies/v/p", "User not authorised to access object"),
        ("management", "/api/connections/username/guest", "User not authorised to access object"),
        ("management", "/api/user-limits/guest", "User not authorised to access object"),
    ];
    for (tag, path, reason) in table {
        let said = broker.ask("GET", path).by(&format!("u{tag}"), "secret").send().await;
        assert_eq!(said.status, 401, "{tag} {path}");
        assert_eq!(said.json(), json!({"error": "not_authorised", "reason": reason}), "{tag} {path}");
    }
    let own = broker.ask("GET", "/api/user-limits/umanagement").by("umanagement", "secret").send().await;
    assert_eq!((own.status, own.json()), (200, json!([])));
}
