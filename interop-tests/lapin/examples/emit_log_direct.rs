//! Tutorial 4, routing: sends a line of some severity, `emit_log_direct error The disk is full`.

use lapin::{
    BasicProperties, Connection, ConnectionProperties, ExchangeKind, Result,
    options::{BasicPublishOptions, ExchangeDeclareOptions},
    types::FieldTable,
};

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let severity = arguments.next().unwrap_or_else(|| "info".to_owned());
    let words: Vec<String> = arguments.collect();
    let line = if words.is_empty() { "Hello World!".to_owned() } else { words.join(" ") };

    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672".to_owned());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;

    let (kind, options) = (ExchangeKind::Direct, ExchangeDeclareOptions::default());
    channel.exchange_declare("direct_logs".into(), kind, options, FieldTable::default()).await?;

    // The severity is the routing key: a direct exchange leads to the queues that are bound by it.
    let (key, options) = (severity.as_str().into(), BasicPublishOptions::default());
    let properties = BasicProperties::default();
    channel.basic_publish("direct_logs".into(), key, options, line.as_bytes(), properties).await?;
    println!(" [x] Sent '{severity}':'{line}'");

    connection.close(200, "done".into()).await
}
