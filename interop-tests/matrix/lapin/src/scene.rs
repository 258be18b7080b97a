//! What a behaviour plays in: its connections, and the names it made.

use std::cell::RefCell;

use lapin::options::{
    ConfirmSelectOptions, ExchangeDeclareOptions, ExchangeDeleteOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use leveret_interop_program::{Proof, Stage, name, variable};

pub const CLIENT: &str = "lapin";

/// What one behaviour made.
pub struct Scene {
    id: &'static str,
    /// A connection closes when it is dropped; those that nobody names live here.
    connections: RefCell<Vec<Connection>>,
    queues: RefCell<Vec<String>>,
    exchanges: RefCell<Vec<String>>,
}

/// A channel that confirms, so that what was published is known to be in its queues.
pub async fn confirming(connection: &Connection) -> Proof<Channel> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

impl Scene {
    pub fn name(&self) -> Proof<String> {
        name(CLIENT, self.id)
    }

    pub async fn connect(&self) -> Proof<Connection> {
        Ok(Connection::connect(&variable("INTEROP_URL")?, ConnectionProperties::default()).await?)
    }

    /// A channel that confirms, with a connection of its own.
    pub async fn channel(&self) -> Proof<Channel> {
        let connection = self.connect().await?;
        let channel = confirming(&connection).await?;
        self.connections.borrow_mut().push(connection);
        Ok(channel)
    }

    pub async fn queue(&self, channel: &Channel) -> Proof<String> {
        self.queue_with(channel, FieldTable::default()).await
    }

    pub async fn queue_with(&self, channel: &Channel, arguments: FieldTable) -> Proof<String> {
        let name = self.name()?;
        channel.queue_declare(name.as_str().into(), QueueDeclareOptions::durable(), arguments).await?;
        self.queues.borrow_mut().push(name.clone());
        Ok(name)
    }

    pub async fn exchange(&self, channel: &Channel, kind: &str) -> Proof<String> {
        self.exchange_with(channel, kind, FieldTable::default()).await
    }

    pub async fn exchange_with(&self, channel: &Channel, kind: &str, arguments: FieldTable) -> Proof<String> {
        let name = self.name()?;
        let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let kind = ExchangeKind::Custom(kind.into());
        channel.exchange_declare(name.as_str().into(), kind, options, arguments).await?;
        self.exchanges.borrow_mut().push(name.clone());
        Ok(name)
    }
}

impl Stage for Scene {
    fn set(id: &'static str) -> Self {
        let (connections, queues, exchanges) = Default::default();
        Self { id, connections, queues, exchanges }
    }

    async fn clear(self) -> Proof {
        // Those of the behaviour may be closed, or hang.
        let connection =
            Connection::connect(&variable("INTEROP_URL")?, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        for queue in self.queues.into_inner() {
            channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
        }
        for exchange in self.exchanges.into_inner() {
            channel.exchange_delete(exchange.into(), ExchangeDeleteOptions::default()).await?;
        }
        Ok(connection.close(200, "bye".into()).await?)
    }
}
