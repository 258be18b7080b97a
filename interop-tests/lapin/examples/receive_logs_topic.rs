//! Tutorial 5, topics: prints the lines whose topic fits one of the patterns it is started with.
//!
//! In a pattern `*` stands for exactly one word and `#` for any number of them:
//! `receive_logs_topic 'kern.*' '*.critical'`, or `receive_logs_topic '#'` for everything.

use futures_lite::StreamExt;
use lapin::{
    Connection, ConnectionProperties, ExchangeKind, Result,
    options::{BasicConsumeOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};

#[tokio::main]
async fn main() -> Result<()> {
    let patterns: Vec<String> = std::env::args().skip(1).collect();
    if patterns.is_empty() {
        eprintln!("Usage: receive_logs_topic <pattern>...");
        std::process::exit(1);
    }

    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672".to_owned());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let none = FieldTable::default;

    let (kind, options) = (ExchangeKind::Topic, ExchangeDeclareOptions::default());
    channel.exchange_declare("topic_logs".into(), kind, options, none()).await?;

    let queue = channel.queue_declare("".into(), QueueDeclareOptions::exclusive(), none()).await?;
    for pattern in &patterns {
        let (name, key) = (queue.name().clone(), pattern.as_str().into());
        channel.queue_bind(name, "topic_logs".into(), key, QueueBindOptions::default(), none()).await?;
    }

    let options = BasicConsumeOptions { no_ack: true, ..Default::default() };
    let mut lines = channel.basic_consume(queue.name().clone(), "".into(), options, none()).await?;
    println!(" [*] Waiting for logs. To exit press CTRL+C");
    while let Some(line) = lines.next().await {
        let line = line?;
        println!(" [x] '{}':'{}'", line.routing_key, String::from_utf8_lossy(&line.data));
    }
    Ok(())
}
