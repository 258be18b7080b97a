//! Tutorial 6, remote procedure calls: computes Fibonacci numbers for `rpc_client`.

use futures_lite::StreamExt;
use lapin::{
    BasicProperties, Connection, ConnectionProperties, Result,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, QueueDeclareOptions,
    },
    types::FieldTable,
};

/// Slow on purpose: the load is the point. None where the answer has no room in 64 bits.
fn fibonacci(n: u64) -> Option<u64> {
    if n < 2 { Some(n) } else { fibonacci(n - 1)?.checked_add(fibonacci(n - 2)?) }
}

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672".to_owned());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;

    channel.queue_declare("rpc_queue".into(), QueueDeclareOptions::default(), FieldTable::default()).await?;

    // One call at a time, so that several servers share the load.
    channel.basic_qos(1, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let mut calls =
        channel.basic_consume("rpc_queue".into(), "".into(), options, FieldTable::default()).await?;

    println!(" [x] Awaiting RPC requests");
    while let Some(call) = calls.next().await {
        let call = call?;
        let argument = String::from_utf8_lossy(&call.data);
        println!(" [.] fib({argument})");
        let answer = argument.parse().ok().and_then(fibonacci);
        let answer = answer.map_or_else(|| "not a number for this".to_owned(), |number| number.to_string());

        // The client said where it waits for the answer, and how it will know which call it belongs to.
        if let Some(reply_to) = call.properties.reply_to() {
            let id = call.properties.correlation_id().clone().unwrap_or_default();
            let properties = BasicProperties::default().with_correlation_id(id);
            let (key, options) = (reply_to.clone(), BasicPublishOptions::default());
            channel.basic_publish("".into(), key, options, answer.as_bytes(), properties).await?;
        }
        call.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}
