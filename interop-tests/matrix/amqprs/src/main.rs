//! Proves each behaviour of ../behaviours.tsv with amqprs, in the order given there.

mod connections;
mod consumers;
mod headers;
mod line;
mod messages;
mod queues;
mod routing;
mod scene;

use std::io;

use leveret_interop_program::{behaviours, run};

use scene::{CLIENT, Scene};

fn main() -> io::Result<()> {
    let behaviours = behaviours![Scene;
        "connect" => connections::connects,
        "bad-password" => connections::bad_password,
        "heartbeats" => connections::heartbeats,
        "publish-get" => messages::publish_get,
        "properties" => messages::properties,
        "empty-body" => messages::empty_body,
        "large-message" => messages::large_message,
        "binary-body" => messages::binary_body,
        "consume-ack" => consumers::consume_ack,
        "consume-auto-ack" => consumers::consume_auto_ack,
        "redelivered" => consumers::redelivered,
        "nack-requeue" => consumers::nack_requeue,
        "multiple-ack" => consumers::multiple_ack,
        "prefetch" => consumers::prefetch,
        "consumer-cancel" => consumers::consumer_cancel,
        "cancel-notify" => consumers::cancel_notify,
        "exclusive" => queues::exclusive,
        "passive-missing" => queues::passive_missing,
        "inequivalent" => queues::inequivalent,
        "confirms" => messages::confirms,
        "mandatory" => messages::mandatory,
        "reject-publish" => queues::reject_publish,
        "max-length" => queues::max_length,
        "message-ttl" => queues::message_ttl,
        "queue-ttl" => queues::queue_ttl,
        "queue-expires" => queues::queue_expires,
        "dead-letter" => queues::dead_letter,
        "retry-loop" => queues::retry_loop,
        "priority" => queues::priority,
        "single-active" => consumers::single_active,
        "consumer-priority" => consumers::consumer_priority,
        "topic" => routing::topic,
        "headers-exchange" => routing::headers_exchange,
        "e2e-binding" => routing::exchange_to_exchange,
        "alternate" => routing::alternate,
        "consistent-hash" => routing::consistent_hash,
        "delayed" => routing::delayed,
        "delivery-limit" => queues::delivery_limit,
        "transactions" => messages::transactions,
        "direct-reply" => messages::direct_reply,
        "many-channels" => connections::many_channels,
        "blocked" => connections::blocked,
        "tls" => connections::over_tls,
        "tls-external" => connections::external_login,
        "reconnect" => connections::reconnect,
        "topology" => connections::topology,
    ];
    run(CLIENT, &behaviours)
}
