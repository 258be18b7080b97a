//! A client of the broker inside the API: what declares, binds, publishes and gets here does so by AMQP's rules, as the
//! caller, and is refused in AMQP's words.
//!
//! Invariants:
//! - An answer is heard when the log has what it tells of.
//! - However it ends, also when the request is given up half way, everything it held is given back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use leveret_codec::method::{Method, ShortString, basic};
use leveret_core::ConnectionId;
use leveret_core::amqp::{Answer, As, Blocked, Closed, Direct};
use leveret_core::model::{QueueRef, Taken};

use super::answer::Problem;
use super::caller::Caller;
use super::request::Request;
use crate::registry::Bell;
use crate::session::Shared;

/// How long a publish may wait for its confirm (RabbitMQ).
const CONFIRM_WAIT: Duration = Duration::from_secs(30);

/// A client that works for one request.
pub struct Client {
    shared: Arc<Shared>,
    id: ConnectionId,
    bell: Arc<Bell>,
    direct: Direct,
}

/// What became of a published message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is in a queue.
    Routed,
    /// It is nowhere.
    Unroutable,
    /// A queue that it was for would not have it.
    Refused,
    /// Nobody has said in time.
    Silence,
    /// It was not sent: publishers are held back.
    Blocked(Blocked),
}

/// A message to be published.
pub struct Publication<'a> {
    pub exchange: &'a str,
    pub routing_key: &'a str,
    /// As on the wire.
    pub properties: &'a [u8],
    pub body: Bytes,
}

impl Client {
    /// Begins to work in the virtual host that the path names, as the caller. Nobody does while an operator has stopped
    /// the broker.
    pub fn open(request: &Request) -> Result<Self, Problem> {
        if request.api.shared.controls.is_stopped() {
            let why = "the broker was stopped by an operator";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopped", why));
        }
        let who = match &request.caller {
            Caller::Nobody => return Err(Problem::access_refused()),
            Caller::Local => As::Operator(request.caller.name()),
            Caller::User(user) => As::User(&user.name),
        };
        let shared = request.api.shared.clone();
        let (id, bell) = shared.registry.enter();
        let opened = Direct::open(shared.clock.now(), (&shared.core, id), who, request.value("vhost"));
        match opened {
            Ok(direct) => Ok(Self { shared, id, bell, direct }),
            Err(refusal) => {
                shared.registry.leave(id);
                Err(refusal.into())
            }
        }
    }

    /// Asks, and hears the answer.
    pub async fn ask(&mut self, method: &Method) -> Result<Answer, Closed> {
        self.say(method);
        self.hear().await
    }

    /// Says what is not answered.
    pub fn say(&mut self, method: &Method) {
        self.direct.call(self.shared.clock.now(), method);
        self.carry_out();
    }

    /// Publishes, and waits for the confirm.
    pub async fn publish(&mut self, publication: Publication<'_>) -> Result<Published, Closed> {
        let publish = basic::Publish {
            exchange: publication.exchange.into(),
            routing_key: publication.routing_key.into(),
            mandatory: true,
            immediate: false,
        };
        let content = (publication.properties, &publication.body);
        let sent = self.direct.publish(self.shared.clock.now(), &publish, content);
        self.carry_out();
        if let Err(blocked) = sent {
            return Ok(Published::Blocked(blocked));
        }
        let confirm = tokio::time::timeout(CONFIRM_WAIT, self.confirm());
        confirm.await.unwrap_or(Ok(Published::Silence))
    }

    async fn confirm(&mut self) -> Result<Published, Closed> {
        let mut outcome = Published::Routed;
        loop {
            match self.hear().await?.method {
                Method::Basic(basic::AMQPMethod::Return(_)) => outcome = Published::Unroutable,
                Method::Basic(basic::AMQPMethod::Ack(_)) => return Ok(outcome),
                Method::Basic(basic::AMQPMethod::Nack(_)) => return Ok(Published::Refused),
                // Nothing else was asked for.
                _ => {}
            }
        }
    }

    /// Takes a message out of a queue that the caller may read from, see [`Direct::take`].
    pub fn take(&mut self, queue: &QueueRef, position: u64) -> Taken {
        let taken = self.direct.take(self.shared.clock.now(), queue, position);
        self.carry_out();
        taken
    }

    /// Returns when somebody has rung.
    pub async fn wait(&mut self) {
        self.bell.rung().await;
        self.bell.take();
        self.direct.look(self.shared.clock.now());
        self.carry_out();
    }

    async fn hear(&mut self) -> Result<Answer, Closed> {
        loop {
            if let Some(heard) = self.direct.hear() {
                return heard;
            }
            if let (Some(at), Some(storage)) = (self.direct.awaits(), &self.shared.storage)
                && storage.committed() < at
                && !storage.has_failed()
            {
                storage.wake_at(at, self.bell.clone());
                self.bell.rung().await;
            } else if self.direct.awaits().is_none() {
                self.bell.rung().await;
            }
            self.bell.take();
            self.direct.look(self.shared.clock.now());
            self.carry_out();
        }
    }

    fn carry_out(&mut self) {
        self.shared.carry_out(self.direct.effects());
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.direct.close(self.shared.clock.now());
        self.carry_out();
        self.shared.registry.leave(self.id);
    }
}

/// A name as methods carry it; one that is too long is nobody's.
pub fn short(name: &str) -> Result<ShortString, Problem> {
    if u8::try_from(name.len()).is_ok() {
        Ok(name.into())
    } else {
        Err(Problem::bad_request("names and routing keys have at most 255 bytes"))
    }
}

/// AMQP's text without the words for its code.
fn sentence(closed: &Closed) -> &str {
    closed.text.split_once(" - ").map_or(&*closed.text, |(_, sentence)| sentence)
}

/// A refusal of what declares, binds or deletes, as RabbitMQ says it over HTTP.
pub fn refused(closed: &Closed) -> Problem {
    match closed.code {
        403 => Problem::access_refused(),
        404 => Problem::nothing_there(sentence(closed)),
        _ => Problem::bad_request(sentence(closed)),
    }
}

/// The same of what is got: who may not is told what.
pub fn refused_get(closed: &Closed) -> Problem {
    match closed.code {
        403 => Problem::not_authorised(&closed.text),
        404 => Problem::nothing_there("queue_not_found"),
        _ => Problem::bad_request(sentence(closed)),
    }
}

/// The same of what is published, with everything that a client would read.
pub fn refused_publish(closed: &Closed) -> Problem {
    let told = format!("{} {}", closed.code, closed.text);
    Problem::new(StatusCode::BAD_REQUEST, "bad_request", told)
}
