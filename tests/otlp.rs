//! A collector is told of the stay of a message whose publisher records its trace.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use futures_lite::StreamExt as _;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use leveret::{Broker, OtlpEndpoint};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// Takes requests until as many spans have come, and gives them back.
async fn collect(listener: TcpListener, count: usize) -> Vec<Value> {
    let mut spans = Vec::new();
    while spans.len() < count {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while spans.len() < count {
            let mut chunk = [0; 4096];
            let read = stream.read(&mut chunk).await.unwrap();
            if read == 0 {
                break;
            }
            request.extend_from_slice(&chunk[..read]);
            let text = String::from_utf8_lossy(&request).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
            let Ok(batch) = serde_json::from_str::<Value>(body) else { continue };
            let scope = &batch["resourceSpans"][0]["scopeSpans"][0];
            spans.extend(scope["spans"].as_array().unwrap().iter().cloned());
            request.clear();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        }
    }
    spans
}

#[tokio::test]
async fn a_traced_message_is_published_waits_and_is_delivered_in_one_trace() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint: OtlpEndpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let collecting = tokio::spawn(collect(listener, 3));
    let broker = Broker::builder().ephemeral().otlp(endpoint).start().await.unwrap();
    let address = format!("amqp://guest:guest@{}/%2f", broker.amqp_addr());
    let connection = Connection::connect(&address, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.queue_declare("q".into(), QueueDeclareOptions::default(), FieldTable::default()).await.unwrap();
    let options = BasicConsumeOptions::default();
    let consuming = channel.basic_consume("q".into(), "".into(), options, FieldTable::default());
    let mut consumer = consuming.await.unwrap();
    for flags in ["00", "01"] {
        let mut headers = FieldTable::default();
        let parent = format!("00-{TRACE}-{SPAN}-{flags}");
        headers.insert("traceparent".into(), AMQPValue::LongString(parent.into()));
        let properties = BasicProperties::default().with_headers(headers);
        let options = BasicPublishOptions::default();
        channel.basic_publish("".into(), "q".into(), options, b"body", properties).await.unwrap();
        let delivery = consumer.next().await.unwrap().unwrap();
        let headers = delivery.properties.headers().as_ref().unwrap();
        assert_eq!(headers.inner().len(), 1, "nobody sees what the broker keeps: {headers:?}");
        delivery.ack(BasicAckOptions::default()).await.unwrap();
    }
    // An answer: what came before has been dealt with.
    channel.queue_declare("q".into(), QueueDeclareOptions::default(), FieldTable::default()).await.unwrap();
    broker.shutdown().await;
    let spans = collecting.await.unwrap();
    let names: Vec<&str> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["publish ", "queue q", "deliver q"], "only what is recorded: {spans:?}");
    assert!(spans.iter().all(|span| span["traceId"] == TRACE));
    assert_eq!(spans[0]["parentSpanId"], SPAN);
    assert!(spans[1..].iter().all(|span| span["parentSpanId"] == spans[0]["spanId"]));
}
