//! What is carried is the same as without TLS.

use crate::authority::Authority;
use crate::secure;
use crate::support::{Peer, tune_ok};

#[tokio::test]
async fn a_client_logs_in_publishes_and_consumes_over_tls() {
    let authority = Authority::new("authority");
    let broker = secure::broker(&authority).await;
    let mut peer = secure::connect(&broker, &authority).await.opened(tune_ok(0)).await.with_channel(1).await;
    peer.declare(1, "q").await;
    peer.consume(1, "q").await;
    peer.publish(1, "q", b"hello").await;
    assert_eq!(peer.delivery(1).await.body, b"hello");
    // The other listener goes on beside it, with the same queues.
    let mut plain = Peer::open_channel(broker.amqp_addr()).await;
    plain.publish(1, "q", b"from there").await;
    assert_eq!(peer.delivery(1).await.body, b"from there");
}
