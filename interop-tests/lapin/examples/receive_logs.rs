//! Tutorial 3, publish/subscribe: prints what `emit_log` sends while this is running.

use futures_lite::StreamExt;
use lapin::{
    Connection, ConnectionProperties, ExchangeKind, Result,
    options::{BasicConsumeOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672".to_owned());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let none = FieldTable::default;

    let options = ExchangeDeclareOptions::default();
    channel.exchange_declare("logs".into(), ExchangeKind::Fanout, options, none()).await?;

    // A queue of our own: the broker names it, and deletes it when we leave.
    let queue = channel.queue_declare("".into(), QueueDeclareOptions::exclusive(), none()).await?;
    let name = queue.name();
    channel.queue_bind(name.clone(), "logs".into(), "".into(), QueueBindOptions::default(), none()).await?;

    let options = BasicConsumeOptions { no_ack: true, ..Default::default() };
    let mut lines = channel.basic_consume(name.clone(), "".into(), options, none()).await?;
    println!(" [*] Waiting for logs. To exit press CTRL+C");
    while let Some(line) = lines.next().await {
        println!(" [x] {}", String::from_utf8_lossy(&line?.data));
    }
    Ok(())
}
