//! Tutorial 2, work queues: does the tasks of `new_task`, one at a time. Start several of it.

use std::time::Duration;

use futures_lite::StreamExt;
use lapin::{
    Connection, ConnectionProperties, Result,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions},
    types::FieldTable,
};

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672".to_owned());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;

    channel.queue_declare("task_queue".into(), QueueDeclareOptions::durable(), FieldTable::default()).await?;

    // No second task before the first is acknowledged: it goes to a worker that is free.
    channel.basic_qos(1, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let mut tasks =
        channel.basic_consume("task_queue".into(), "".into(), options, FieldTable::default()).await?;

    println!(" [*] Waiting for messages. To exit press CTRL+C");
    while let Some(task) = tasks.next().await {
        let task = task?;
        println!(" [x] Received '{}'", String::from_utf8_lossy(&task.data));
        for _ in task.data.iter().filter(|byte| **byte == b'.') {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        println!(" [x] Done");
        // Should this worker die before, the task goes to another one.
        task.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}
