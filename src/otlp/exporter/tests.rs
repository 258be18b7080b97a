//! The exporter against a collector that follows a script.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::super::span::{Kind, Name};
use super::*;
use crate::clock::ManualClock;

/// A collector: takes connections and requests when it is told to, and answers what it is told to.
struct Collector(TcpListener);

impl Collector {
    async fn listen() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (Self(listener), address)
    }

    async fn accept(&self) -> TcpStream {
        self.0.accept().await.unwrap().0
    }
}

/// Takes one request, and returns its head and its body.
async fn request(socket: &mut TcpStream) -> (String, Value) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    socket.read_exact(&mut body).await.unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

async fn answer(socket: &mut TcpStream, status: &str) {
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
    socket.write_all(answer.as_bytes()).await.unwrap();
}

fn names(body: &Value) -> Vec<&str> {
    let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    spans.iter().map(|span| span["name"].as_str().unwrap()).collect()
}

fn span(name: &str) -> Span {
    Span {
        trace: Name([1; 16]),
        id: Name([2; 8]),
        parent: None,
        name: name.into(),
        kind: Kind::Internal,
        start: Timestamp::from_micros(1),
        end: Timestamp::from_micros(2),
        attributes: Vec::new(),
    }
}

fn start(pace: Pace, address: SocketAddr, clock: &ManualClock) -> (Spans, Exporter) {
    let source = Source { service: "shop".into(), version: "1".into(), instance: "here".into() };
    Exporter::start_at(pace, format!("http://{address}").parse().unwrap(), source, clock.into())
}

/// Time stands still in these tests, so that nothing waits for long on a slow machine and all that is late is late on
/// purpose: spans are posted at once, and again at once.
const AT_ONCE: Pace = Pace { gathering: Duration::ZERO, pauses: [Duration::ZERO; 3], ..Pace::USUAL };

/// Until the exporter has taken what was offered, and waits for more.
async fn taken(spans: &Spans) {
    while spans.queue.capacity() != WAITING_SPANS {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn spans_of_a_second_go_together_over_a_connection_that_is_kept() {
    let (collector, address) = Collector::listen().await;
    let clock = Clock::manual(Timestamp::default());
    let (spans, exporter) = start(Pace::USUAL, address, &clock);
    spans.offer(span("a"));
    taken(&spans).await;
    clock.advance(Duration::from_millis(999));
    spans.offer(span("b"));
    taken(&spans).await;
    clock.advance(Duration::from_millis(1));
    let mut socket = collector.accept().await;
    let (head, body) = request(&mut socket).await;
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!(names(&body), ["a", "b"]);
    answer(&mut socket, "200 OK").await;
    spans.offer(span("c"));
    taken(&spans).await;
    clock.advance(Duration::from_secs(1));
    let (_, body) = request(&mut socket).await;
    assert_eq!(names(&body), ["c"]);
    answer(&mut socket, "200 OK").await;
    exporter.finish().await;
    assert_eq!((spans.counts().sent(), spans.counts().lost()), (3, 0));
}

#[tokio::test]
async fn a_collector_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    let (collector, address) = Collector::listen().await;
    let clock = Clock::manual(Timestamp::default());
    let (spans, exporter) = start(AT_ONCE, address, &clock);
    spans.offer(span("wanted later"));
    let mut socket = collector.accept().await;
    request(&mut socket).await;
    answer(&mut socket, "503 Service Unavailable").await;
    let (_, body) = request(&mut socket).await;
    assert_eq!(names(&body), ["wanted later"]);
    answer(&mut socket, "200 OK").await;
    spans.offer(span("never wanted"));
    request(&mut socket).await;
    answer(&mut socket, "400 Bad Request").await;
    spans.offer(span("next"));
    let (_, body) = request(&mut socket).await;
    assert_eq!(names(&body), ["next"]);
    answer(&mut socket, "200 OK").await;
    exporter.finish().await;
    assert_eq!((spans.counts().sent(), spans.counts().lost()), (2, 1));
}

#[tokio::test]
async fn a_collector_that_says_nothing_costs_a_batch_and_not_the_next() {
    let (collector, address) = Collector::listen().await;
    let clock = Clock::manual(Timestamp::default());
    let (spans, exporter) = start(AT_ONCE, address, &clock);
    spans.offer(span("unheard"));
    // Each try is a connection of its own: the one before was given up halfway.
    for _ in AT_ONCE.pauses {
        let mut socket = collector.accept().await;
        request(&mut socket).await;
        clock.advance(AT_ONCE.answer_wait);
        // It hangs up when it has given up.
        assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
    }
    spans.offer(span("heard"));
    let mut socket = collector.accept().await;
    let (_, body) = request(&mut socket).await;
    assert_eq!(names(&body), ["heard"]);
    answer(&mut socket, "200 OK").await;
    exporter.finish().await;
    assert_eq!((spans.counts().sent(), spans.counts().lost()), (1, 1));
}

#[tokio::test]
async fn what_has_no_place_to_wait_in_is_lost_and_counted() {
    let (_collector, address) = Collector::listen().await;
    let clock = Clock::manual(Timestamp::default());
    let (spans, _exporter) = start(AT_ONCE, address, &clock);
    // The task has not had its turn yet.
    for _ in 0..WAITING_SPANS + 7 {
        spans.offer(span("x"));
    }
    assert_eq!((spans.counts().sent(), spans.counts().lost()), (0, 7));
}

#[tokio::test]
async fn the_end_sends_what_waits_in_as_many_batches_as_it_takes() {
    let (collector, address) = Collector::listen().await;
    let clock = Clock::manual(Timestamp::default());
    let (spans, exporter) = start(AT_ONCE, address, &clock);
    for _ in 0..=MOST_SPANS {
        spans.offer(span("x"));
    }
    let taking = tokio::spawn(async move {
        let mut socket = collector.accept().await;
        let mut counts = Vec::new();
        for _ in 0..2 {
            counts.push(names(&request(&mut socket).await.1).len());
            answer(&mut socket, "200 OK").await;
        }
        counts
    });
    exporter.finish().await;
    assert_eq!(taking.await.unwrap(), [MOST_SPANS, 1]);
    assert_eq!((spans.counts().sent(), spans.counts().lost()), (513, 0));
    spans.offer(span("too late"));
    assert_eq!(spans.counts().lost(), 1);
}
