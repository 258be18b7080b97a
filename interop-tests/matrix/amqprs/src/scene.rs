//! What a behaviour plays in: where the broker is, and the names it made there.

use std::cell::RefCell;

use amqprs::FieldTable;
use amqprs::channel::{
    ExchangeDeclareArguments, ExchangeDeleteArguments, QueueDeclareArguments, QueueDeleteArguments,
};
use amqprs::connection::{Connection, OpenConnectionArguments};
use leveret_interop_program::{Address, Proof, Stage, name, variable};

use crate::line::Line;

pub const CLIENT: &str = "amqprs";

/// The names that one behaviour made.
pub struct Scene {
    id: &'static str,
    queues: RefCell<Vec<String>>,
    exchanges: RefCell<Vec<String>>,
}

/// Where the broker under test is.
pub fn arguments() -> Proof<OpenConnectionArguments> {
    let at = Address::parse(&variable("INTEROP_URL")?)?;
    Ok(OpenConnectionArguments::new(&at.host, at.port, &at.user, &at.password))
}

impl Scene {
    pub fn name(&self) -> Proof<String> {
        name(CLIENT, self.id)
    }

    pub async fn connect(&self) -> Proof<Connection> {
        Ok(Connection::open(&arguments()?).await?)
    }

    /// A channel with a connection of its own.
    pub async fn line(&self) -> Proof<Line> {
        let connection = self.connect().await?;
        Ok(Line::on(&connection).await?.keeping(connection))
    }

    pub async fn queue(&self, line: &mut Line) -> Proof<String> {
        self.queue_with(line, FieldTable::new()).await
    }

    pub async fn queue_with(&self, line: &mut Line, arguments: FieldTable) -> Proof<String> {
        let name = self.name()?;
        let declare = QueueDeclareArguments::durable_client_named(&name).arguments(arguments).finish();
        let answer = line.raw.queue_declare(declare).await;
        line.explained(answer).await?;
        self.queues.borrow_mut().push(name.clone());
        Ok(name)
    }

    pub async fn exchange(&self, line: &mut Line, kind: &str) -> Proof<String> {
        self.exchange_with(line, kind, FieldTable::new()).await
    }

    pub async fn exchange_with(&self, line: &mut Line, kind: &str, arguments: FieldTable) -> Proof<String> {
        let name = self.name()?;
        let declare = ExchangeDeclareArguments::new(&name, kind).durable(true).arguments(arguments).finish();
        let answer = line.raw.exchange_declare(declare).await;
        line.explained(answer).await?;
        self.exchanges.borrow_mut().push(name.clone());
        Ok(name)
    }
}

impl Stage for Scene {
    fn set(id: &'static str) -> Self {
        Self { id, queues: RefCell::default(), exchanges: RefCell::default() }
    }

    async fn clear(self) -> Proof {
        let (queues, exchanges) = (self.queues.into_inner(), self.exchanges.into_inner());
        if queues.is_empty() && exchanges.is_empty() {
            return Ok(());
        }
        // Those of the behaviour may be closed, or hang.
        let connection = Connection::open(&arguments()?).await?;
        let channel = connection.open_channel(None).await?;
        for queue in queues {
            channel.queue_delete(QueueDeleteArguments::new(&queue)).await?;
        }
        for exchange in exchanges {
            channel.exchange_delete(ExchangeDeleteArguments::new(&exchange)).await?;
        }
        channel.close().await?;
        connection.close().await?;
        Ok(())
    }
}
