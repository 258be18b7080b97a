//! What holds for every endpoint: paths, methods, credentials, headers, bodies.

use std::io::Read as _;

use flate2::read::GzDecoder;
use leveret::Settings;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::ask::{Ask, broker, start};
use crate::support::within;

#[tokio::test]
async fn who_says_nothing_is_asked_and_who_says_something_wrong_is_told() {
    let broker = broker().await;
    let nobody = broker.ask_as_nobody("GET", "/api/whoami").send().await;
    assert_eq!((nobody.status, nobody.body.len()), (401, 0));
    assert_eq!(nobody.header("www-authenticate"), Some("Basic realm=\"RabbitMQ Management\""));
    for (user, password) in [("guest", "wrong"), ("nobody", "guest"), ("guest", ""), ("", "")] {
        let wrong = broker.ask("GET", "/api/whoami").by(user, password).send().await;
        assert_eq!(wrong.status, 401);
        assert_eq!(wrong.json(), json!({"error": "not_authorized", "reason": "Not_Authorized"}));
        assert_eq!(wrong.header("www-authenticate"), None);
    }
    let token = broker.ask_as_nobody("GET", "/api/whoami").with("authorization", "Bearer x").send().await;
    assert_eq!((token.status, token.reason()), (401, json!("Not_Authorized")));
    let garbage = broker.ask_as_nobody("GET", "/api/whoami").with("authorization", "Basic *").send().await;
    assert_eq!((garbage.status, garbage.body.len()), (400, 0));
    let right = broker.get("/api/whoami").await;
    assert_eq!(right, json!({"name": "guest", "tags": ["administrator"], "is_internal_user": true}));
}

#[tokio::test]
async fn a_path_is_there_or_not_and_has_its_methods_whoever_asks() {
    let broker = broker().await;
    for path in ["/api/nope", "//api/whoami", "/api//whoami", "/nope", "/api/users//"] {
        let said = broker.ask("GET", path).send().await;
        assert_eq!(said.status, 404, "{path}");
        assert_eq!(said.json(), json!({"error": "Object Not Found", "reason": "Not Found"}));
    }
    assert_eq!(broker.ask_as_nobody("GET", "/api/nope").send().await.status, 404);
    assert_eq!(broker.ask("GET", "/api/users/%zz").send().await.status, 400);
    assert_eq!(broker.ask("GET", "/api/users/%ff").send().await.status, 404);
    for method in ["DELETE", "PATCH", "PUT"] {
        let said = broker.ask_as_nobody(method, "/api/whoami").send().await;
        assert_eq!((said.status, said.body.len()), (405, 0), "{method}");
        assert_eq!(said.header("allow"), Some("HEAD, GET, OPTIONS"));
    }
    let options = broker.ask_as_nobody("OPTIONS", "/api/users/x").send().await;
    assert_eq!((options.status, options.header("allow")), (200, Some("HEAD, GET, PUT, DELETE, OPTIONS")));
    for path in ["/api/whoami/", "/api/users/guest/", "/api/users/%67uest"] {
        broker.get(path).await;
    }
}

#[tokio::test]
async fn answers_have_the_headers_that_tools_look_at() {
    let broker = broker().await;
    let get = broker.ask("GET", "/api/whoami").send().await;
    let expected = [
        ("content-type", "application/json"),
        ("cache-control", "no-cache"),
        ("content-security-policy", "script-src 'self'; object-src 'self'"),
        ("vary", "accept, accept-encoding, origin"),
        ("allow", "HEAD, GET, OPTIONS"),
        ("content-length", "65"),
    ];
    for (name, value) in expected {
        assert_eq!(get.header(name), Some(value), "{name}");
    }
    assert!(get.header("date").is_some() && get.header("access-control-allow-origin").is_none());
    let head = broker.ask("HEAD", "/api/whoami").send().await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("65"), 0));
    let redirect = broker.ask_as_nobody("GET", "/api/").send().await;
    assert_eq!((redirect.status, redirect.header("location")), (301, Some("/api/index.html")));
}

#[tokio::test]
async fn long_answers_are_compressed_for_who_can_read_that() {
    let broker = broker().await;
    for name in ["one", "two", "three"] {
        assert_eq!(broker.send("PUT", &format!("/api/users/{name}"), &json!({"tags": ""})).await, 201);
    }
    for path in ["/api/users", "/api/openapi.json", "/api/index.html"] {
        let plain = broker.ask("GET", path).send().await;
        assert_eq!(plain.header("content-encoding"), None);
        let packed = broker.ask("GET", path).with("accept-encoding", "gzip").send().await;
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        let mut unpacked = Vec::new();
        GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body, "{path}");
    }
    let short = broker.ask("GET", "/api/whoami").with("accept-encoding", "gzip").send().await;
    assert_eq!(short.header("content-encoding"), None);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_and_one_of_a_stranger_is_not_read() {
    let mut settings = Settings::default();
    settings.http.max_body_bytes = 1000;
    let broker = start(leveret::Broker::builder().settings(settings).ephemeral()).await;
    let body = vec![b' '; 1001];
    let long = broker.ask("PUT", "/api/users/x").body(&body).send().await;
    assert_eq!((long.status, long.reason()), (400, json!("Exceeded HTTP request body size limit")));
    let stranger = broker.ask("PUT", "/api/users/x").by("x", "y").body(&body).send().await;
    assert_eq!(stranger.status, 401);
}

#[tokio::test]
async fn no_more_of_a_body_is_waited_for_than_an_endpoint_takes() {
    let broker = broker().await;
    let announced = |ask: Ask<'static>| ask.with("content-length", "9999999").send();
    for (method, path, status) in
        [("GET", "/healthz", 200), ("GET", "/api/version", 200), ("DELETE", "/api/login", 204)]
    {
        let said = announced(broker.ask_as_nobody(method, path)).await;
        assert_eq!(said.status, status, "{method} {path}");
    }
    assert_eq!(announced(broker.ask("GET", "/api/whoami")).await.status, 200);
    let login = broker.ask_as_nobody("POST", "/api/login");
    let chunk = [b"1388\r\n".as_slice(), &[b'a'; 5000]].concat();
    let said = [
        announced(login.clone()).await,
        login.with("transfer-encoding", "chunked").body(&chunk).send().await,
    ];
    for said in said {
        assert_eq!((said.status, said.reason()), (400, json!("Exceeded HTTP request body size limit")));
    }
}

#[tokio::test]
async fn one_address_cannot_have_all_connections() {
    let broker = broker().await;
    let mut open = Vec::new();
    for _ in 0..256 {
        open.push(TcpStream::connect(broker.address).await.unwrap());
    }
    let mut last = TcpStream::connect(broker.address).await.unwrap();
    let read = within("the end of the last", last.read_u8()).await;
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    open[0].write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut status = [0; 12];
    within("an answer to the first", open[0].read_exact(&mut status)).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_prefix_stands_before_every_path() {
    let mut settings = Settings::default();
    settings.http.path_prefix = "/broker".to_owned();
    let broker = start(leveret::Broker::builder().settings(settings).ephemeral()).await;
    broker.get("/broker/api/whoami").await;
    assert_eq!(broker.ask("GET", "/api/whoami").send().await.status, 404);
    let redirect = broker.ask("GET", "/broker/api").send().await;
    assert_eq!(redirect.header("location"), Some("/broker/api/index.html"));
}

#[tokio::test]
async fn pages_of_allowed_origins_may_ask() {
    let mut settings = Settings::default();
    settings.http.cors_origins = vec!["https://ui.example".to_owned()];
    let broker = start(leveret::Broker::builder().settings(settings).ephemeral()).await;
    let said = broker.ask("GET", "/api/whoami").with("origin", "https://ui.example").send().await;
    assert_eq!(said.header("access-control-allow-origin"), Some("https://ui.example"));
    let said = broker.ask("GET", "/api/whoami").with("origin", "https://other.example").send().await;
    assert_eq!(said.header("access-control-allow-origin"), None);
}
