//! Tutorial 2, work queues: hands out a task, to be done by one of the `worker`s.
//!
//! Every dot in the text of a task is a second of work: `new_task A hard one...`

use lapin::{
    BasicProperties, Connection, ConnectionProperties, Result,
    options::{BasicPublishOptions, QueueDeclareOptions},
    types::FieldTable,
};

/// The delivery mode of a message that is to survive a restart of the broker.
const PERSISTENT: u8 = 2;

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let task = if words.is_empty() { "Hello World!".to_owned() } else { words.join(" ") };

    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672".to_owned());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;

    // A durable queue with persistent messages: no task is lost, whoever is restarted.
    channel.queue_declare("task_queue".into(), QueueDeclareOptions::durable(), FieldTable::default()).await?;
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    let options = BasicPublishOptions::default();
    channel.basic_publish("".into(), "task_queue".into(), options, task.as_bytes(), properties).await?;
    println!(" [x] Sent '{task}'");

    connection.close(200, "done".into()).await
}
