//! Connections that break: what the broker takes back, and lapin's own recovery, which declares everything
//! anew and consumes on.

use std::sync::Arc;

use futures_lite::StreamExt;
use lapin::{
    Connection, ConnectionProperties, Consumer,
    message::Delivery,
    options::{BasicAckOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
    uri::AMQPUri,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

use crate::{
    broker::{Broker, with_broker},
    client::{
        Failure, Outcome, body, confirming, consume, eventually, fresh, is_gone, next, own_queue, publish,
        ready, within,
    },
};

/// A road to the broker that can be cut, without a word to either end.
struct Road {
    uri: AMQPUri,
    cut: Arc<Notify>,
    traffic: JoinHandle<()>,
}

impl Road {
    async fn to(broker: &Broker) -> Outcome<Self> {
        let mut uri = broker.uri();
        let target = (uri.authority.host.clone(), uri.authority.port);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        "127.0.0.1".clone_into(&mut uri.authority.host);
        uri.authority.port = listener.local_addr()?.port();
        let cut = Arc::new(Notify::new());
        let traffic = tokio::spawn(carry(listener, target, Arc::clone(&cut)));
        Ok(Self { uri, cut, traffic })
    }

    /// Drops the connections of now; the next one gets through again.
    fn cut(&self) {
        self.cut.notify_waiters();
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.traffic.abort();
    }
}

async fn carry(listener: TcpListener, target: (String, u16), cut: Arc<Notify>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let (target, cut) = (target.clone(), Arc::clone(&cut));
        tokio::spawn(async move {
            let cut = cut.notified();
            let Ok(mut server) = TcpStream::connect(target).await else { return };
            tokio::select! {
                () = cut => {}
                _ended = copy_bidirectional(&mut client, &mut server) => {}
            }
        });
    }
}

/// The next delivery of a consumer whose connection broke: an error that it may hear of is no end.
async fn next_across_break(consumer: &mut Consumer) -> Outcome<Delivery> {
    within("a delivery after the recovery", async {
        loop {
            match consumer.next().await {
                Some(Ok(delivery)) => break Ok(delivery),
                Some(Err(_broken)) => {}
                None => break Err(Failure::new("the consumer has ended".to_owned())),
            }
        }
    })
    .await?
}

#[test]
fn what_a_broken_connection_left_unacknowledged_goes_to_another() {
    with_broker(async |broker| {
        let keeper = broker.channel().await?;
        let queue = fresh("broken");
        let auto_delete = QueueDeclareOptions::default().auto_delete();
        keeper.queue_declare(queue.clone(), auto_delete, FieldTable::default()).await?;
        let road = Road::to(&broker).await?;
        let connection = broker.connect_to(road.uri.clone()).await?;
        let channel = confirming(&connection).await?;
        let mut lost = consume(&channel, &queue).await?;
        let mut heir = consume(&keeper, &queue).await?;
        for text in ["1", "2"] {
            publish(&keeper, "", queue.as_str(), text).await?;
        }
        assert_eq!(body(&next(&mut lost).await?), "1");
        assert_eq!(body(&next(&mut heir).await?), "2");
        road.cut();
        let again = next(&mut heir).await?;
        assert_eq!((body(&again).as_str(), again.redelivered), ("1", true));
        Ok(())
    });
}

#[test]
fn exclusive_queues_go_with_a_broken_connection() {
    with_broker(async |broker| {
        let road = Road::to(&broker).await?;
        let connection = broker.connect_to(road.uri.clone()).await?;
        let channel = connection.create_channel().await?;
        let queue = own_queue(&channel).await?;
        road.cut();
        let other = broker.connect().await?;
        eventually("the queue to go", async || is_gone(&other, &queue).await).await
    });
}

#[test]
fn lapin_recovers_its_topology_and_consumes_on() {
    with_broker(async |broker| {
        let road = Road::to(&broker).await?;
        let recovering = ConnectionProperties::default().enable_auto_recover();
        let connection = Connection::connect_uri(road.uri.clone(), recovering).await?;
        let channel = confirming(&connection).await?;
        let (queue, key) = (fresh("recovered"), fresh("key"));
        let none = FieldTable::default;
        channel.queue_declare(queue.clone(), QueueDeclareOptions::durable(), none()).await?;
        let options = QueueBindOptions::default();
        channel.queue_bind(queue.clone(), "amq.direct".into(), key.clone(), options, none()).await?;
        let mut consumer = consume(&channel, &queue).await?;
        publish(&channel, "amq.direct", key.as_str(), "before").await?;
        next(&mut consumer).await?.ack(BasicAckOptions::default()).await?;
        ready(&channel, &queue).await?; // Answered behind the acknowledgement, which is no call.
        road.cut();
        let other = broker.channel().await?;
        publish(&other, "amq.direct", key.as_str(), "after").await?;
        let delivery = next_across_break(&mut consumer).await?;
        // The tag says that this is another channel of another connection: they are counted from 1 again.
        assert_eq!((body(&delivery).as_str(), delivery.delivery_tag), ("after", 1));
        assert!(delivery.ack(BasicAckOptions::default()).await?);
        // The channel confirms again, too.
        assert!(publish(&channel, "amq.direct", key.as_str(), "again").await?.is_ack());
        assert_eq!(body(&next(&mut consumer).await?), "again");
        other.queue_delete(queue, QueueDeleteOptions::default()).await?;
        Ok(())
    });
}
