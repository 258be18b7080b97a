//! One request to the collector after another, over a connection that is kept.

use std::io;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::endpoint::Endpoint;

/// Why a collector does not have a batch.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// There is no connection.
    #[error("cannot connect: {0}")]
    Connect(#[from] io::Error),
    /// It broke off, or was not HTTP.
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    /// The request could not even be written down.
    #[error("cannot ask this: {0}")]
    Request(#[from] hyper::http::Error),
    /// It answered, and does not want it.
    #[error("the collector answered {0}")]
    Refused(StatusCode),
    /// It has said nothing.
    #[error("no answer in time")]
    Silent,
}

impl PostError {
    /// Whether the same batch may be taken later (the list is that of OTLP's specification).
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Http(_) | Self::Silent => true,
            Self::Request(_) => false,
            Self::Refused(status) => matches!(status.as_u16(), 429 | 502 | 503 | 504),
        }
    }
}

/// Posts to one endpoint.
pub struct Poster {
    endpoint: Endpoint,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Poster {
    /// Connects when there is something to post.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, connection: None }
    }

    /// Where to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Posts this and waits for the answer. A connection on which anything went wrong, or on which this was given up
    /// halfway, is not used again.
    pub async fn post(&mut self, body: Bytes) -> Result<(), PostError> {
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect().await?,
        };
        let request = Request::post(self.endpoint.path())
            .header(header::HOST, self.endpoint.authority())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("leveret/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))?;
        connection.ready().await?;
        let answer = connection.send_request(request).await?;
        let status = answer.status();
        // To its end, so that the connection can be used again.
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            frame?;
        }
        self.connection = Some(connection);
        if status.is_success() { Ok(()) } else { Err(PostError::Refused(status)) }
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, PostError> {
        let socket = TcpStream::connect(self.endpoint.socket()).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        // It ends when the sender is dropped, or with an error that the sender hears of too.
        tokio::spawn(connection);
        Ok(sender)
    }
}
