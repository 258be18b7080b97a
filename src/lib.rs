//! leveret: a message broker that speaks AMQP 0-9-1, as a library.
//!
//! A program (a test, most often) starts a broker inside its own process:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), leveret::StartError> {
//! let broker = leveret::Broker::builder().ephemeral().listen(([127, 0, 0, 1], 0)).start().await?;
//! println!("amqp://guest:guest@{}/%2f", broker.amqp_addr());
//! broker.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! This crate is the shell: sockets, time, configuration. The rules are `leveret-core`'s, which sees none
//! of these.
#![forbid(unsafe_code)]

mod broker;
mod builder;
mod clock;
mod controls;
mod deadlines;
mod definitions;
mod disk_space;
#[doc(hidden)]
pub mod durable;
mod hooks;
mod http;
mod journal;
mod limits;
mod listener;
mod memory;
mod metrics;
mod otlp;
mod policy;
mod rates;
mod registry;
mod session;
mod settings;
mod socket;
mod tls;
mod vitals;

pub use broker::Broker;
pub use builder::{Builder, StartError};
pub use clock::{Clock, ManualClock};
pub use definitions::{ApplyReport, Definitions, DefinitionsError, DefinitionsReview, review_definitions};
pub use hooks::Hooks;
pub use http::{HTTP_PORT, HttpError, HttpSettings, LocalSocket, RatesMode};
#[doc(hidden)]
pub use http::{check_ours, runtime_directory};
pub use leveret_core::Timestamp;
pub use leveret_core::model::Mechanism;
pub use listener::ListenError;
pub use memory::resident_bytes;
pub use metrics::{METRICS_PORT, MetricsSettings};
pub use otlp::{Endpoint as OtlpEndpoint, EndpointError as OtlpEndpointError};
pub use settings::{
    AMQP_PORT, AMQPS_PORT, AnonymousLogin, DefaultQueueType, DiskLimit, Listen, Need, Permissions, Seed,
    Settings, Watermark,
};
pub use tls::{
    CertificateLogin, LoginFrom, PeerVerification, SanType, TlsCipher, TlsError, TlsSettings, TlsVersion,
};

/// The examples of the README, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
