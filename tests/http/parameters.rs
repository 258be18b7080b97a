//! `/api/parameters`, `/api/global-parameters` and `/api/cluster-name`.

use serde_json::{Value, json};

use crate::ask::broker;

#[tokio::test]
async fn parameters_are_set_told_and_deleted() {
    let broker = broker().await;
    let path = "/api/parameters/shovel/%2F/s";
    let value = json!({"src-uri": "amqp://", "n": [1, null]});
    assert_eq!(broker.send("PUT", path, &json!({"value": value})).await, 201);
    assert_eq!(broker.send("PUT", path, &json!({"value": value})).await, 204);
    let row = json!({"value": value, "vhost": "/", "component": "shovel", "name": "s"});
    for list in ["", "/shovel", "/shovel/%2F"] {
        assert_eq!(broker.get(&format!("/api/parameters{list}")).await, json!([row]), "{list}");
    }
    assert_eq!(broker.get(path).await, row);
    assert_eq!(broker.get("/api/parameters/nope").await, json!([]));
    assert_eq!(broker.ask("DELETE", path).send().await.status, 204);
    for method in ["DELETE", "GET"] {
        assert_eq!(broker.ask(method, path).send().await.status, 404);
    }
}

#[tokio::test]
async fn limits_and_policies_of_operators_are_parameters_too() {
    let broker = broker().await;
    let limits = "/api/parameters/vhost-limits/%2F/limits";
    assert_eq!(broker.send("PUT", limits, &json!({"value": {"max-queues": 5}})).await, 201);
    assert_eq!(broker.get("/api/vhost-limits").await[0]["value"], json!({"max-queues": 5}));
    let policy = json!({"pattern": "^q", "definition": {"max-length": 5}, "priority": 0, "apply-to": "all"});
    assert_eq!(
        broker.send("PUT", "/api/parameters/operator_policy/%2F/o", &json!({"value": policy})).await,
        201
    );
    assert_eq!(broker.get("/api/operator-policies/%2F/o").await["pattern"], "^q");
    let names: Vec<Value> = broker.get("/api/parameters?columns=component").await.as_array().unwrap().clone();
    assert_eq!(names, [json!({"component": "vhost-limits"}), json!({"component": "operator_policy"})]);
    assert_eq!(broker.ask("DELETE", limits).send().await.status, 204);
    assert_eq!(broker.ask("DELETE", limits).send().await.status, 404);
    assert_eq!(broker.ask("DELETE", "/api/parameters/operator_policy/%2F/o").send().await.status, 204);
    assert_eq!(broker.get("/api/parameters").await, json!([]));
}

#[tokio::test]
async fn who_makes_policies_leaves_those_of_operators_and_limits_alone() {
    let broker = broker().await;
    let user = json!({"password": "secret", "tags": "policymaker"});
    assert_eq!(broker.send("PUT", "/api/users/maker", &user).await, 201);
    let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
    assert_eq!(broker.send("PUT", "/api/permissions/%2F/maker", &all).await, 201);
    let policy = json!({"value": {"pattern": "^q", "definition": {"max-length": 5}}});
    let limits = json!({"value": {"max-queues": 5}});
    for (path, body) in [("operator_policy/%2F/o", policy), ("vhost-limits/%2F/limits", limits)] {
        let path = format!("/api/parameters/{path}");
        let body = body.to_string();
        let put = broker.ask("PUT", &path).by("maker", "secret").body(body.as_bytes()).send().await;
        assert_eq!((put.status, put.reason()), (401, json!("Not administrator user")), "{path}");
        assert_eq!(broker.ask("PUT", &path).body(body.as_bytes()).send().await.status, 201);
        assert_eq!(broker.ask("DELETE", &path).by("maker", "secret").send().await.status, 401, "{path}");
        assert_eq!(broker.ask("GET", &path).by("maker", "secret").send().await.status, 200, "{path}");
    }
    let shovel = broker.ask("PUT", "/api/parameters/shovel/%2F/s").by("maker", "secret");
    assert_eq!(shovel.body(b"{\"value\":{}}").send().await.status, 201);
}

#[tokio::test]
async fn parameters_that_make_no_sense_are_refused() {
    let broker = broker().await;
    let table = [
        ("nope/%2F/x", json!({"value": 1}), json!("Validation failed\n\ncomponent nope not found\n")),
        ("policy/%2F/x", json!({"value": {}}), json!("policies may not be set using this method")),
        ("shovel/%2F/x", json!({}), json!("[{key_missing,value}]")),
        (
            "vhost-limits/%2F/limits",
            json!({"value": {"nope": 1}}),
            json!("Validation failed\n\nUnrecognised terms [{<<\"nope\">>,1}] in limits\n"),
        ),
    ];
    for (path, body, reason) in table {
        let said = broker.say("PUT", &format!("/api/parameters/{path}"), &body).await;
        assert_eq!((said.status, said.reason()), (400, reason), "{path}");
    }
    let said = broker.say("PUT", "/api/parameters/shovel/nope/x", &json!({"value": 1})).await;
    assert_eq!((said.status, said.reason()), (404, json!("vhost_not_found")));
}

#[tokio::test]
async fn the_broker_has_parameters_and_its_name_is_one_of_them() {
    let broker = broker().await;
    assert_eq!(broker.get("/api/cluster-name").await, json!({"name": "leveret@localhost"}));
    assert_eq!(broker.send("PUT", "/api/cluster-name/", &json!({"name": "orders"})).await, 204);
    assert_eq!(broker.get("/api/cluster-name").await, json!({"name": "orders"}));
    let row = broker.get("/api/global-parameters/cluster_name").await;
    assert_eq!(row, json!({"name": "cluster_name", "value": "orders"}));
    let said = broker.say("PUT", "/api/cluster-name", &json!({})).await;
    assert_eq!((said.status, said.reason()), (400, json!("[{key_missing,name}]")));
    assert_eq!(broker.send("PUT", "/api/global-parameters/g", &json!({"value": {"a": [1]}})).await, 201);
    assert_eq!(broker.send("PUT", "/api/global-parameters/g", &json!({"value": 5})).await, 204);
    assert_eq!(broker.get("/api/global-parameters/g").await, json!({"name": "g", "value": 5}));
    let names: Vec<Value> =
        broker.get("/api/global-parameters?columns=name").await.as_array().unwrap().clone();
    let expected = ["cluster_name", "cluster_tags", "g", "internal_cluster_id"];
    assert_eq!(names, expected.map(|name| json!({"name": name})));
    assert_eq!(broker.ask("DELETE", "/api/global-parameters/g").send().await.status, 204);
    assert_eq!(broker.ask("DELETE", "/api/global-parameters/g").send().await.status, 404);
}
