//! Tutorial 5, topics: sends a line about something, `emit_log_topic kern.critical A kernel error`.

use lapin::{
    BasicProperties, Connection, ConnectionProperties, ExchangeKind, Result,
    options::{BasicPublishOptions, ExchangeDeclareOptions},
    types::FieldTable,
};

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let topic = arguments.next().unwrap_or_else(|| "anonymous.info".to_owned());
    let words: Vec<String> = arguments.collect();
    let line = if words.is_empty() { "Hello World!".to_owned() } else { words.join(" ") };

    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672".to_owned());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;

    let (kind, options) = (ExchangeKind::Topic, ExchangeDeclareOptions::default());
    channel.exchange_declare("topic_logs".into(), kind, options, FieldTable::default()).await?;

    // The words of a topic are separated by dots, here: who says it, and how bad it is.
    let (key, options) = (topic.as_str().into(), BasicPublishOptions::default());
    let properties = BasicProperties::default();
    channel.basic_publish("topic_logs".into(), key, options, line.as_bytes(), properties).await?;
    println!(" [x] Sent '{topic}':'{line}'");

    connection.close(200, "done".into()).await
}
