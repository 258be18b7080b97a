//! The socket for this machine's own tools.

use std::os::unix::fs::PermissionsExt as _;

use leveret::{Broker, LocalSocket, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

async fn get(path: &std::path::Path, of: &str) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    let request = format!("GET {of} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
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
