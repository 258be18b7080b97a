//! The handshake: from connection.start to connection.open.
//!
//! ```text
//! Start ──start-ok──▶ Tune ──tune-ok──▶ Opening ──open──▶ (open connection)
//! ```
//! The client may pipeline: nothing here waits for an answer to have been read. Each refusal is logged in
//! one line that says who and why; what the client hears is RabbitMQ's text, which never tells whether a
//! user exists.

use std::sync::Arc;

use leveret_codec::field::{Table, TableBuilder, Value};
use leveret_codec::method::{Method, connection};
use leveret_codec::{DecodeError, MethodId};

use crate::amqp::event::tell_login;
use crate::amqp::sasl::{self, Credentials, Proof};
use crate::amqp::session::{Capabilities, External, Peer};
use crate::model::{Broker, BrokerSettings, ConnectionFacts, Outlet, Seat, User, Vhost};
use crate::refusal::{Refusal, Ruling};
use crate::time::Timestamp;

/// The smallest frame-max that a client may settle on (the specification's; RabbitMQ 4.1 wants 8192).
const FRAME_MIN_BYTES: u32 = 4096;

/// How far a handshake has come.
#[derive(Debug)]
pub enum Handshake {
    /// connection.start was sent.
    Start,
    /// The client has logged in, connection.tune was sent.
    Tune(LoggedIn),
    /// The limits are settled.
    Opening(LoggedIn, Tuned),
}

/// A client that has logged in.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The user.
    pub user: Arc<User>,
    /// What the client understands.
    pub capabilities: Capabilities,
    /// The name it gave its connection.
    pub connection_name: Option<String>,
    /// How it said who it is.
    pub mechanism: String,
    /// What it said of itself.
    pub client_properties: Table,
}

impl LoggedIn {
    /// What is to be known of its connection, now that it is open.
    pub fn facts(&self, now: Timestamp, peer: &Peer, tuned: Tuned, vhost: &Arc<str>) -> ConnectionFacts {
        ConnectionFacts {
            name: peer.address.clone(),
            client_name: self.connection_name.clone(),
            user: self.user.name.clone(),
            vhost: vhost.clone(),
            mechanism: self.mechanism.clone(),
            client_properties: self.client_properties.clone(),
            connected_at: now,
            channel_max: tuned.channel_max,
            frame_max_bytes: tuned.frame_max_bytes,
            heartbeat_secs: tuned.heartbeat_secs,
            is_tls: peer.external != External::NoTls,
        }
    }
}

/// What tune-ok settled.
#[derive(Clone, Copy, Debug)]
pub struct Tuned {
    /// Most channels; zero is no limit.
    pub channel_max: u16,
    /// Largest frame, in bytes.
    pub frame_max_bytes: u32,
    /// Heartbeat interval, in seconds; zero is none.
    pub heartbeat_secs: u16,
}

/// What a method of the handshake came to.
#[derive(Debug)]
pub enum Step {
    /// The client has told who it is; connection.tune is due.
    LoggedIn {
        /// The user.
        user: String,
        /// The name it gave its connection.
        connection_name: Option<String>,
    },
    /// These limits hold from the next frame on.
    Tuned(Tuned),
    /// The handshake is through; connection.open-ok is due.
    Opened(LoggedIn, Tuned, Arc<Vhost>, Seat),
    /// The client closes instead.
    Closed,
}

/// A handshake that fails.
#[derive(Debug)]
pub enum Failed {
    /// The client is told, if it can understand it.
    Told(Refusal),
    /// The client is told that its login was refused; why, is for the log.
    NotLoggedIn(Refusal, String),
    /// The client is told nothing; the socket closes after a while.
    Silent(String),
}

impl Failed {
    /// For the log.
    pub fn why(&self) -> &str {
        match self {
            Self::Told(refusal) => &refusal.text,
            Self::NotLoggedIn(_, why) | Self::Silent(why) => why,
        }
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Told(refusal)
    }
}

impl Handshake {
    /// RabbitMQ's name of how far it has come.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Start => "starting",
            Self::Tune(_) => "tuning",
            Self::Opening(..) => "opening",
        }
    }

    /// A method has come on channel zero.
    pub fn handle(
        &mut self,
        broker: &Broker,
        (peer, outlet): (&Peer, &Arc<Outlet>),
        method: Method,
    ) -> Result<Step, Failed> {
        use connection::AMQPMethod as M;
        match (std::mem::replace(self, Self::Start), method) {
            (Self::Start, Method::Connection(M::StartOk(ok))) => {
                let logged_in = log_in(broker, peer, &ok)?;
                let user = logged_in.user.name.clone();
                let connection_name = logged_in.connection_name.clone();
                *self = Self::Tune(logged_in);
                Ok(Step::LoggedIn { user, connection_name })
            }
            (Self::Tune(user), Method::Connection(M::TuneOk(ok))) => {
                let tuned = settle(broker.settings(), &ok)?;
                *self = Self::Opening(user, tuned);
                Ok(Step::Tuned(tuned))
            }
            (Self::Opening(user, tuned), Method::Connection(M::Open(open))) => {
                let (vhost, seat) = broker.enter(&user.user, open.virtual_host.as_str(), outlet)?;
                Ok(Step::Opened(user, tuned, vhost, seat))
            }
            (_, Method::Connection(M::Close(_))) => Ok(Step::Closed),
            // Before it has logged in a peer is told nothing.
            (Self::Start, _) => Err(Failed::Silent("a method before start-ok".to_owned())),
            (Self::Tune(_), _) => {
                Err(Refusal::channel_error("unexpected method in connection state tuning").into())
            }
            (Self::Opening(..), _) => {
                Err(Refusal::channel_error("unexpected method in connection state opening").into())
            }
        }
    }

    /// A method has come that can't be read. Before it has logged in a peer is told nothing.
    pub fn undecodable(&self, id: Option<MethodId>, error: DecodeError) -> Failed {
        match (self, id) {
            (Self::Start, _) => Failed::Silent(error.to_string()),
            // RabbitMQ names the method here even if it is a name that is no text.
            (_, Some(id)) => Failed::Told(Refusal::from(error).of_method(id)),
            (_, None) => Failed::Told(error.into()),
        }
    }
}

/// connection.start.
pub fn start(settings: &BrokerSettings, peer: &Peer) -> Method {
    Method::Connection(connection::AMQPMethod::Start(connection::Start {
        version_major: 0,
        version_minor: 9,
        server_properties: (&server_properties(settings)).into(),
        mechanisms: sasl::offered(settings, peer).as_str().into(),
        locales: "en_US".into(),
    }))
}

/// connection.tune.
pub fn tune(settings: &BrokerSettings) -> Method {
    Method::Connection(connection::AMQPMethod::Tune(connection::Tune {
        channel_max: settings.channel_max,
        frame_max: settings.frame_max_bytes,
        heartbeat: settings.heartbeat_secs,
    }))
}

/// What clients look at: some only use what `capabilities` lists, some switch on product and version
/// (kombu takes `global` of basic.qos for channel-wide unless the product is RabbitMQ). So those two are
/// RabbitMQ's, and `platform` and `information` say who really answers.
fn server_properties(settings: &BrokerSettings) -> Table {
    let mut capabilities = TableBuilder::new();
    for name in [
        "authentication_failure_close",
        "basic.nack",
        "connection.blocked",
        "consumer_cancel_notify",
        "consumer_priorities",
        "direct_reply_to",
        "exchange_exchange_bindings",
        "per_consumer_qos",
        "publisher_confirms",
    ] {
        capabilities.insert(name, Value::Bool(true));
    }
    let capabilities = capabilities.build();
    let platform = format!("leveret {}", settings.version);
    let mut properties = TableBuilder::new();
    properties
        .insert("capabilities", Value::Table(capabilities.as_ref()))
        .insert("cluster_name", Value::Str(b"leveret"))
        .insert("copyright", Value::Str(b"the leveret authors"))
        .insert("information", Value::Str(b"Licensed under the Apache License 2.0"))
        .insert("platform", Value::Str(platform.as_bytes()))
        .insert("product", Value::Str(b"RabbitMQ"))
        .insert("version", Value::Str(RABBITMQ_VERSION.as_bytes()));
    properties.build()
}

/// The version of RabbitMQ whose behaviour this is.
pub const RABBITMQ_VERSION: &str = "4.3.6";

/// connection.start-ok: who is it?
fn log_in(broker: &Broker, peer: &Peer, ok: &connection::StartOk) -> Result<LoggedIn, Failed> {
    let properties = Table::from(&ok.client_properties);
    let capabilities = read_capabilities(&properties);
    let mechanism = ok.mechanism.as_str();
    let credentials = sasl::credentials(broker.settings(), peer, mechanism, ok.response.as_bytes())
        .map_err(|error| Failed::Silent(error.to_string()))?;
    let found = authenticate(broker, peer, &credentials);
    broker.logins().note(found.is_ok());
    match found {
        Ok(user) => {
            let name = properties.as_ref().get(b"connection_name");
            let connection_name = name.and_then(|name| name.as_str().map(str::to_owned));
            tell_login(broker, peer, (&credentials.user, mechanism), false);
            let (mechanism, client_properties) = (mechanism.to_owned(), properties);
            Ok(LoggedIn { user, capabilities, connection_name, mechanism, client_properties })
        }
        Err(why) => {
            tell_login(broker, peer, (&credentials.user, mechanism), true);
            let why = format!("{mechanism} login refused: {why}");
            if !capabilities.authentication_failure_close {
                return Err(Failed::Silent(why));
            }
            Err(Failed::NotLoggedIn(
                Refusal::access_refused(format!(
                    "Login was refused using authentication mechanism {mechanism}. For details see the \
                     broker logfile."
                ))
                .of_connection()
                .without_method(),
                why,
            ))
        }
    }
}

fn authenticate(broker: &Broker, peer: &Peer, credentials: &Credentials) -> Result<Arc<User>, String> {
    let named = |why: &str| format!("user '{}' {why}", credentials.user);
    if let Proof::Missing(why) = credentials.proof {
        return Err(named(&format!("- {why}")));
    }
    let Some(user) = broker.user(&credentials.user) else {
        return Err(named("- invalid credentials (no such user)"));
    };
    if let Proof::Password(password) = &credentials.proof
        && !user.password.matches(password)
    {
        return Err(named("- invalid credentials (wrong password)"));
    }
    if !peer.loopback && broker.settings().loopback_users.contains(&user.name) {
        return Err(named("can only connect via localhost"));
    }
    Ok(user)
}

fn read_capabilities(properties: &Table) -> Capabilities {
    let Some(Value::Table(table)) = properties.as_ref().get(b"capabilities") else {
        return Capabilities::default();
    };
    let has = |key: &str| matches!(table.get(key.as_bytes()), Some(Value::Bool(true)));
    Capabilities {
        consumer_cancel_notify: has("consumer_cancel_notify"),
        connection_blocked: has("connection.blocked"),
        authentication_failure_close: has("authentication_failure_close"),
    }
}

/// connection.tune-ok is final: the server does not take the smaller value itself. Zero means what was
/// offered (RabbitMQ refuses it unless it offered zero; clients that send it mean "no limit of mine").
fn settle(settings: &BrokerSettings, ok: &connection::TuneOk) -> Ruling<Tuned> {
    let too_large = |name: &str, value: u32, limit: u32| {
        Refusal::not_allowed(format!(
            "negotiated {name} = {value} is greater than the maximum allowed value ({limit})"
        ))
    };
    let (channels, frame) = (settings.channel_max, settings.frame_max_bytes);
    if channels != 0 && channels < ok.channel_max {
        return Err(too_large("channel_max", u32::from(ok.channel_max), u32::from(channels)));
    }
    if frame != 0 && frame < ok.frame_max {
        return Err(too_large("frame_max", ok.frame_max, frame));
    }
    if ok.frame_max != 0 && ok.frame_max < FRAME_MIN_BYTES {
        return Err(Refusal::not_allowed(format!(
            "negotiated frame_max = {} is lower than the minimum allowed value ({FRAME_MIN_BYTES})",
            ok.frame_max
        )));
    }
    let frame_max_bytes = match (ok.frame_max, frame) {
        (0, 0) => u32::MAX,
        (0, offered) => offered,
        (chosen, _) => chosen,
    };
    let channel_max = if ok.channel_max == 0 { channels } else { ok.channel_max };
    Ok(Tuned { channel_max, frame_max_bytes, heartbeat_secs: ok.heartbeat })
}
