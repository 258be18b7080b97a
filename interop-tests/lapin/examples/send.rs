//! Tutorial 1, "Hello World!": sends one message. `receive` is its other half.

use lapin::{
    BasicProperties, Connection, ConnectionProperties, Result,
    options::{BasicPublishOptions, QueueDeclareOptions},
    types::FieldTable,
};

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672".to_owned());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;

    // Both halves declare the queue: whichever starts first creates it.
    channel.queue_declare("hello".into(), QueueDeclareOptions::default(), FieldTable::default()).await?;

    // The exchange without a name leads to the queue that is called like the routing key.
    let message = "Hello World!";
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    channel.basic_publish("".into(), "hello".into(), options, message.as_bytes(), properties).await?;
    println!(" [x] Sent '{message}'");

    connection.close(200, "done".into()).await
}
