//! Tutorial 1, "Hello World!": prints every message that `send` has sent.

use futures_lite::StreamExt;
use lapin::{
    Connection, ConnectionProperties, Result,
    options::{BasicConsumeOptions, QueueDeclareOptions},
    types::FieldTable,
};

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672".to_owned());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;

    channel.queue_declare("hello".into(), QueueDeclareOptions::default(), FieldTable::default()).await?;

    // Without acknowledgement a message counts as done once it is on its way to us.
    let options = BasicConsumeOptions { no_ack: true, ..Default::default() };
    let mut messages =
        channel.basic_consume("hello".into(), "".into(), options, FieldTable::default()).await?;

    println!(" [*] Waiting for messages. To exit press CTRL+C");
    while let Some(message) = messages.next().await {
        println!(" [x] Received '{}'", String::from_utf8_lossy(&message?.data));
    }
    Ok(())
}
