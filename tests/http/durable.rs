//! What was answered is there after the next start.

use serde_json::json;

use crate::ask::start;

/// A copy of a directory, as it is at this moment: what a broker that is killed would leave.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let broker = start(leveret::Broker::builder().data_dir(before.path())).await;
    let policy = json!({"pattern": "^q", "definition": {"max-length": 5}});
    let puts = [
        ("/api/vhosts/v", json!({"description": "d", "protected_from_deletion": true})),
        ("/api/users/jane", json!({"password": "secret", "tags": "management"})),
        ("/api/permissions/v/jane", json!({"configure": "", "write": "", "read": ".*"})),
        ("/api/policies/v/p", policy),
        ("/api/vhost-limits/v/max-queues", json!({"value": 3})),
    ];
    for (path, body) in &puts {
        assert!(broker.send("PUT", path, body).await < 300, "{path}");
    }
    assert_eq!(broker.ask("DELETE", "/api/permissions/%2F/guest").send().await.status, 204);
    copy(before.path(), after.path());
    let again = start(leveret::Broker::builder().data_dir(after.path())).await;
    assert_eq!(again.get("/api/vhosts/v").await["protected_from_deletion"], true);
    assert_eq!(again.get("/api/policies/v/p").await["pattern"], "^q");
    assert_eq!(again.get("/api/vhost-limits/v").await[0]["value"], json!({"max-queues": 3}));
    assert_eq!(again.get("/api/permissions/v/jane").await["read"], ".*");
    assert_eq!(again.ask("GET", "/api/whoami").by("jane", "secret").send().await.status, 200);
    assert_eq!(again.ask("GET", "/api/permissions/%2F/guest").send().await.status, 404);
}
