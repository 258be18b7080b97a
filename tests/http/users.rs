//! `/api/users`.

use serde_json::{Value, json};

use crate::ask::broker;

#[tokio::test]
async fn a_user_is_created_changed_and_deleted() {
    let broker = broker().await;
    let body = json!({"password": "secret", "tags": "monitoring, ops"});
    assert_eq!(broker.send("PUT", "/api/users/jane", &body).await, 201);
    assert_eq!(broker.send("PUT", "/api/users/jane", &body).await, 204);
    let jane = broker.get("/api/users/jane").await;
    assert_eq!((&jane["tags"], &jane["limits"]), (&json!(["monitoring", "ops"]), &json!({})));
    assert_eq!(jane["hashing_algorithm"], "rabbit_password_hashing_sha256");
    assert_eq!(jane["password_hash"].as_str().unwrap().len(), 48);
    let whoami = broker.ask("GET", "/api/whoami").by("jane", "secret").send().await;
    assert_eq!(whoami.status, 200);
    let changed = json!({"password": "other", "tags": ["management"]});
    assert_eq!(broker.send("PUT", "/api/users/jane", &changed).await, 204);
    assert_eq!(broker.ask("GET", "/api/whoami").by("jane", "secret").send().await.status, 401);
    assert_eq!(broker.ask("GET", "/api/whoami").by("jane", "other").send().await.status, 200);
    assert_eq!(broker.ask("DELETE", "/api/users/jane").send().await.status, 204);
    assert_eq!(broker.ask("DELETE", "/api/users/jane").send().await.status, 404);
    assert_eq!(broker.ask("GET", "/api/users/jane").send().await.status, 404);
}

#[tokio::test]
async fn a_hash_of_rabbitmqs_lets_its_password_in_and_none_lets_nobody_in() {
    let broker = broker().await;
    let hash = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR";
    let body = json!({"password_hash": hash, "tags": "management"});
    assert_eq!(broker.send("PUT", "/api/users/old", &body).await, 201);
    assert_eq!(broker.get("/api/users/old").await["password_hash"], hash);
    assert_eq!(broker.ask("GET", "/api/whoami").by("old", "test12").send().await.status, 200);
    assert_eq!(broker.send("PUT", "/api/users/old", &json!({"tags": "management"})).await, 204);
    assert_eq!(broker.get("/api/users/old").await["password_hash"], "");
    for password in ["test12", ""] {
        assert_eq!(broker.ask("GET", "/api/whoami").by("old", password).send().await.status, 401);
    }
}

#[tokio::test]
async fn what_makes_no_user_is_refused() {
    let broker = broker().await;
    let table: [(&[u8], Value); 6] = [
        (b"", json!("tags_not_present")),
        (b"{}", json!("tags_not_present")),
        (b"null", json!("tags_not_present")),
        (b"[]", json!("not_json")),
        (br#"{"tags":"x","password":"#, json!("not_json")),
        (br#"{"tags":"","password_hash":"*"}"#, json!(["not_base64", "*"])),
    ];
    for (body, reason) in table {
        let said = broker.ask("PUT", "/api/users/x").body(body).send().await;
        assert_eq!((said.status, said.reason()), (400, reason), "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(broker.ask("GET", "/api/users/x").send().await.status, 404);
}

#[tokio::test]
async fn users_are_listed_by_name_in_pages_and_columns() {
    let broker = broker().await;
    for name in ["b", "a"] {
        broker.send("PUT", &format!("/api/users/{name}"), &json!({"tags": ""})).await;
    }
    let named = |name: &str| json!({"name": name});
    assert_eq!(broker.get("/api/users?columns=name").await, json!([named("a"), named("b"), named("guest")]));
    let page = broker.get("/api/users/?page=1&page_size=2&columns=name&sort=name&sort_reverse=true").await;
    assert_eq!(page["items"], json!([named("guest"), named("b")]));
    assert_eq!((&page["filtered_count"], &page["page_count"]), (&json!(3), &json!(2)));
    let idle = broker.get("/api/users/without-permissions?columns=name").await;
    assert_eq!(idle, json!([named("a"), named("b")]));
    let users = json!({"users": ["a", "b", "nobody"]});
    assert_eq!(broker.send("POST", "/api/users/bulk-delete", &users).await, 204);
    assert_eq!(broker.get("/api/users?columns=name").await, json!([named("guest")]));
}
