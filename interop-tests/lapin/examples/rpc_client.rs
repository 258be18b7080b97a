//! Tutorial 6, remote procedure calls: asks `rpc_server` for a Fibonacci number, `rpc_client 30`.

use futures_lite::StreamExt;
use lapin::{
    BasicProperties, Connection, ConnectionProperties, Result,
    options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
};

#[tokio::main]
async fn main() -> Result<()> {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "30".to_owned());

    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672".to_owned());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;

    // The answers come to a queue of our own, which we listen to before we ask.
    let queue =
        channel.queue_declare("".into(), QueueDeclareOptions::exclusive(), FieldTable::default()).await?;
    let options = BasicConsumeOptions { no_ack: true, ..Default::default() };
    let mut answers =
        channel.basic_consume(queue.name().clone(), "".into(), options, FieldTable::default()).await?;

    println!(" [x] Requesting fib({argument})");
    let id: ShortString = format!("{}-1", std::process::id()).into();
    let properties =
        BasicProperties::default().with_reply_to(queue.name().clone()).with_correlation_id(id.clone());
    let options = BasicPublishOptions::default();
    channel.basic_publish("".into(), "rpc_queue".into(), options, argument.as_bytes(), properties).await?;

    while let Some(answer) = answers.next().await {
        let answer = answer?;
        // An answer to somebody else's call, or to one of ours that we have given up, is not for us.
        if answer.properties.correlation_id().as_ref() == Some(&id) {
            println!(" [.] Got {}", String::from_utf8_lossy(&answer.data));
            break;
        }
    }
    connection.close(200, "done".into()).await
}
