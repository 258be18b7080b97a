//! `/api/policies` and `/api/operator-policies`.

use serde_json::{Value, json};

use crate::ask::broker;

#[tokio::test]
async fn policies_are_made_told_and_deleted() {
    let broker = broker().await;
    let body = json!({"pattern": "^q", "definition": {"max-length": 5}});
    assert_eq!(broker.send("PUT", "/api/policies/%2F/p1", &body).await, 201);
    assert_eq!(broker.send("PUT", "/api/policies/%2F/p1", &body).await, 204);
    let p1 = json!({"vhost": "/", "name": "p1", "pattern": "^q", "apply-to": "all",
                    "definition": {"max-length": 5}, "priority": 0});
    assert_eq!(broker.get("/api/policies/%2F/p1").await, p1);
    let body = json!({"pattern": "x", "definition": {"expires": 1}, "apply-to": "queues", "priority": 1.5});
    assert_eq!(broker.send("PUT", "/api/policies/%2F/a.b%2Fc", &body).await, 201);
    let all = broker.get("/api/policies").await;
    assert_eq!((&all[0]["name"], &all[0]["priority"], &all[1]), (&json!("a.b/c"), &json!(1.5), &p1));
    assert_eq!(broker.get("/api/policies/%2F").await, all);
    assert_eq!(broker.get("/api/operator-policies").await, json!([]));
    assert_eq!(broker.ask("DELETE", "/api/policies/%2F/p1").send().await.status, 204);
    for method in ["DELETE", "GET"] {
        assert_eq!(broker.ask(method, "/api/policies/%2F/p1").send().await.status, 404);
    }
}

#[tokio::test]
async fn policies_that_make_no_sense_are_refused_in_rabbitmqs_words() {
    let broker = broker().await;
    let table: [(Value, &str); 8] = [
        (json!({"definition": {"nope": 1}}), "[{<<\"nope\">>,1}] are not recognised policy settings"),
        (
            json!({"definition": {"federation-upstream-set": "all"}}),
            "[{<<\"federation-upstream-set\">>,<<\"all\">>}] are not recognised policy settings",
        ),
        (json!({"definition": {}}), "no policy provided"),
        (json!({"definition": {"max-length": "x"}}), "<<\"x\">> is not a valid maximum length"),
        (json!({"priority": "7"}), "priority should be a number, actually was <<\"7\">>"),
        (json!({"priority": null}), "priority should be a number, actually was null"),
        (json!({"pattern": 5}), "pattern should be a binary but was 5"),
        (
            json!({"apply-to": "nope"}),
            "apply-to 'nope' unrecognised; should be one of: 'queues', 'classic_queues',  'quorum_queues', 'streams', 'exchanges', or 'all'",
        ),
    ];
    for (wrong, reason) in table {
        let mut body = json!({"pattern": "^q", "definition": {"max-length": 5}});
        for (key, value) in wrong.as_object().unwrap() {
            body[key] = value.clone();
        }
        let said = broker.say("PUT", "/api/policies/%2F/p", &body).await;
        assert_eq!((said.status, said.reason()), (400, json!(format!("Validation failed\n\n{reason}\n"))));
    }
    let said = broker.say("PUT", "/api/policies/%2F/p", &json!({})).await;
    assert_eq!(said.reason(), "[{key_missing,pattern},{key_missing,definition}]");
    let said = broker.say("PUT", "/api/policies/nope/p", &json!({})).await;
    assert_eq!((said.status, said.reason()), (404, json!("vhost_not_found")));
}

#[tokio::test]
async fn operators_have_policies_of_their_own() {
    let broker = broker().await;
    let body = json!({"pattern": "^q", "definition": {"max-length": 5}});
    assert_eq!(broker.send("PUT", "/api/operator-policies/%2F/p", &body).await, 201);
    assert_eq!(broker.get("/api/operator-policies/%2F").await[0]["name"], "p");
    assert_eq!(broker.get("/api/policies").await, json!([]));
    let body = json!({"pattern": "^q", "definition": {"dead-letter-exchange": "x"}});
    let said = broker.say("PUT", "/api/operator-policies/%2F/p", &body).await;
    let reason = "Validation failed\n\n[{<<\"dead-letter-exchange\">>,<<\"x\">>}] are not recognised policy settings\n";
    assert_eq!((said.status, said.reason()), (400, json!(reason)));
    assert_eq!(broker.ask("PUT", "/api/operator-policies/%2F/p").body(b"{}").send().await.status, 415);
    assert_eq!(broker.ask("DELETE", "/api/operator-policies/%2F/p").send().await.status, 204);
}
