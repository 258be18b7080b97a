//! The socket for this machine's own tools.

use std::os::unix::fs::PermissionsExt as _;

use leveret::{Broker, LocalSocket, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::ask::Asked;
use crate::support::{Peer, open_vhost, tune_ok, within};

async fn get(path: &std::path::Path, of: &str) -> String {
    say(path, &format!("GET {of}"), "").await
}

async fn say(path: &std::path::Path, line: &str, body: &str) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    let length = body.len();
    let request =
        format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.http.local_socket = LocalSocket::Usual;
    settings
}

#[tokio::test]
async fn who_comes_over_it_is_an_administrator() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("leveret.sock");
    // What a broker that was killed has left.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let builder = Broker::builder().settings(settings()).data_dir(directory.path());
    let broker = builder.start().await.unwrap();
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let answer = get(&socket, "/api/whoami").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.ends_with(r#"{"is_internal_user":true,"name":"rmq-cli","tags":["administrator"]}"#),
        "{answer}"
    );
    assert!(get(&socket, "/api/users").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(broker.http_addr(), None);
    broker.shutdown().await;
    assert!(!socket.exists());
}

#[tokio::test]
async fn an_operator_stops_starts_resets_and_ends_the_broker() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("leveret.sock");
    let builder = Broker::builder().settings(settings()).data_dir(directory.path());
    let broker = builder.listen(([127, 0, 0, 1], 0)).http(([127, 0, 0, 1], 0)).start().await.unwrap();
    let done = "HTTP/1.1 204 ";
    assert!(say(&socket, "PUT /api/vhosts/v", "").await.starts_with("HTTP/1.1 201 "));
    let mut peer = Peer::open(broker.amqp_addr()).await;
    let early = say(&socket, "POST /local/reset", "").await;
    assert!(early.starts_with("HTTP/1.1 400 ") && early.contains("stop it first"), "{early}");
    assert!(get(&socket, "/api/vhosts/v").await.starts_with("HTTP/1.1 200 "));
    let mut late = Peer::connect(broker.amqp_addr()).await;
    late.log_in("guest", "guest").await;
    assert!(say(&socket, "POST /local/app/stop", "").await.starts_with(done));
    late.send(0, tune_ok(0)).await;
    late.send(0, open_vhost("/")).await;
    assert_eq!(late.closed_with().await.0, 320, "who was coming in when it was stopped");
    let message = r#"{"properties":{},"routing_key":"q","payload":"","payload_encoding":"string"}"#;
    let said = say(&socket, "POST /api/exchanges/%2F/amq.default/publish", message).await;
    assert!(said.starts_with("HTTP/1.1 503 ") && said.contains("stopped by an operator"), "{said}");
    assert_eq!(peer.closed_with().await.0, 320);
    peer.send_close_ok().await;
    peer.end().await;
    assert!(get(&socket, "/readyz").await.starts_with("HTTP/1.1 503 "));
    assert!(get(&socket, "/healthz").await.starts_with("HTTP/1.1 200 "));
    assert!(say(&socket, "PUT /api/queues/%2F/q", "{}").await.starts_with("HTTP/1.1 503 "));
    Peer::connect(broker.amqp_addr()).await.end().await;
    assert!(say(&socket, "POST /local/reset", "").await.starts_with(done));
    assert!(say(&socket, "POST /local/app/start", "").await.starts_with(done));
    assert!(get(&socket, "/api/vhosts/v").await.starts_with("HTTP/1.1 404 "));
    Peer::open(broker.amqp_addr()).await;
    assert!(say(&socket, "PUT /api/queues/%2F/q", "{}").await.starts_with("HTTP/1.1 201 "));
    // It is nobody else's business.
    let asked = Asked { address: broker.http_addr().unwrap(), broker };
    for path in ["/local/shutdown", "/local/reset"] {
        assert_eq!(asked.ask("POST", path).send().await.status, 404);
    }
    assert!(say(&socket, "POST /local/shutdown", "").await.starts_with(done));
    asked.broker.asked_to_end().await;
    asked.broker.shutdown().await;
}

/// A program with a log of two levels.
#[derive(Default)]
struct Program(std::sync::Mutex<String>);

impl leveret::Hooks for Program {
    fn set_log_level(&self, level: &str) -> Result<(), String> {
        if level == "loud" {
            return Err("there is no such level".to_owned());
        }
        level.clone_into(&mut self.0.lock().unwrap());
        Ok(())
    }
}

#[tokio::test]
async fn the_log_is_its_programs() {
    let (directory, program) = (tempfile::tempdir().unwrap(), std::sync::Arc::new(Program::default()));
    let socket = directory.path().join("leveret.sock");
    let builder = Broker::builder().settings(settings()).data_dir(directory.path()).hooks(program.clone());
    let broker = builder.start().await.unwrap();
    let said = say(&socket, "PUT /local/log/level", r#"{"level":"debug"}"#).await;
    assert!(said.starts_with("HTTP/1.1 204 ") && *program.0.lock().unwrap() == "debug", "{said}");
    let said = say(&socket, "PUT /local/log/level", r#"{"level":"loud"}"#).await;
    assert!(said.ends_with(r#"{"error":"bad_request","reason":"there is no such level"}"#), "{said}");
    broker.shutdown().await;
}

#[tokio::test]
async fn limits_can_be_moved_while_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("leveret.sock");
    let builder = Broker::builder().settings(settings()).data_dir(directory.path());
    let builder = builder.memory_high_watermark_bytes(1000).memory_measure(|| Some(500));
    let _broker = builder.disk_free_limit_bytes(1).disk_free_measure(|| Some(500)).start().await.unwrap();
    for (what, limit) in [("memory-high-watermark", 100), ("disk-free-limit", 900)] {
        let body = format!("{{\"absolute\":{limit}}}");
        let said = say(&socket, &format!("PUT /local/{what}"), &body).await;
        assert!(said.starts_with("HTTP/1.1 204 "), "{said}");
        let said = say(&socket, &format!("PUT /local/{what}"), "{\"absolute\":\"x\"}").await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    }
    within("both alarms", async {
        loop {
            let said = get(&socket, "/api/health/checks/alarms").await;
            if said.contains("memory") && said.contains("disk") {
                break;
            }
        }
    })
    .await;
    let said = get(&socket, "/local/environment").await;
    assert!(said.contains(r#""disk_free_limit":900"#) && !said.contains("default_pass"), "{said}");
    let said = say(&socket, "PUT /local/tracing/%2F", "{\"on\":true}").await;
    assert!(said.starts_with("HTTP/1.1 204 "), "{said}");
    assert!(get(&socket, "/api/vhosts/%2F").await.contains(r#""tracing":true"#));
}

#[tokio::test]
async fn what_the_broker_was_started_with_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (data, socket) = (directory.path().join("data"), directory.path().join("data/leveret.sock"));
    let mut settings = settings();
    settings.consumer_timeout = Some(std::time::Duration::from_secs(5));
    settings.memory_high_watermark = Some(leveret::Watermark::Relative(0.4));
    settings.config_files = vec!["etc/my.conf".into()];
    settings.log_files = vec!["<stdout>".to_owned()];
    let builder = Broker::builder().settings(settings).data_dir(&data).memory_measure(|| Some(500));
    let _broker = builder.metrics(([127, 0, 0, 1], 0)).start().await.unwrap();
    let told = async |path: &str| -> serde_json::Value {
        let answer = get(&socket, path).await;
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let file = std::env::current_dir().unwrap().join("etc/my.conf").display().to_string();
    let data = data.display().to_string();
    let node = &told("/api/nodes").await[0];
    assert_eq!((&node["config_files"][0], &node["db_dir"]), (&file.as_str().into(), &data.as_str().into()));
    assert_eq!(node["log_files"][0], "<stdout>");
    let environment = told("/local/environment").await;
    let rabbit = &environment["rabbit"];
    assert_eq!(
        (&rabbit["consumer_timeout"], &rabbit["vm_memory_high_watermark"]["relative"]),
        (&5000.into(), &0.4.into())
    );
    assert_eq!((&rabbit["config_files"][0], &rabbit["data_dir"]), (&file.into(), &data.into()));
    assert!(environment["rabbitmq_prometheus"]["tcp_listeners"][0].is_string(), "{environment}");
    let said = say(&socket, "PUT /local/memory-high-watermark", "{\"absolute\":900}").await;
    assert!(said.starts_with("HTTP/1.1 204 "), "{said}");
    let moved = &told("/local/environment").await["rabbit"]["vm_memory_high_watermark"];
    assert_eq!(*moved, serde_json::json!({"absolute": 900}));
}
