//! Tutorial 3, publish/subscribe: sends a line to every `receive_logs` that is running now.

use lapin::{
    BasicProperties, Connection, ConnectionProperties, ExchangeKind, Result,
    options::{BasicPublishOptions, ExchangeDeclareOptions},
    types::FieldTable,
};

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let line = if words.is_empty() { "info: Hello World!".to_owned() } else { words.join(" ") };

    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672".to_owned());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;

    // A fanout exchange copies what it gets to all queues that are bound to it.
    let options = ExchangeDeclareOptions::default();
    channel.exchange_declare("logs".into(), ExchangeKind::Fanout, options, FieldTable::default()).await?;

    // It takes no notice of the routing key. With no queue bound the line is gone.
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    channel.basic_publish("logs".into(), "".into(), options, line.as_bytes(), properties).await?;
    println!(" [x] Sent '{line}'");

    connection.close(200, "done".into()).await
}
