//! Answers those who ask for metrics.

use std::io::{self, BufWriter};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::body::Body;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::page::Page;
use super::pieces::{Pieces, pieces};
use super::settings::MetricsSettings;
use super::survey::Scope;
use crate::http::{Api, Case, Origin, Pattern, Query, accepts_gzip, may_watch};

/// Pages that are written at once; others wait.
pub const AT_ONCE: usize = 2;
/// How long others wait; as long as Prometheus does, unless it is told otherwise.
const ROOM_WAIT: Duration = Duration::from_secs(10);

const CONTENT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");

/// What all pages share.
pub struct State {
    /// How they are served.
    pub settings: MetricsSettings,
    /// The highest that was told of it: see [`Page::write`].
    pub received_confirm: AtomicU64,
    room: Arc<Semaphore>,
}

impl State {
    /// Of a broker that has told nothing yet.
    pub fn new(settings: MetricsSettings) -> Self {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        Self { settings, received_confirm: AtomicU64::new(0), room }
    }
}

/// Whether a path is that of a page.
pub fn is_path(settings: &MetricsSettings, path: &str) -> bool {
    path.strip_prefix(settings.path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers a request.
pub async fn answer<B>(api: Arc<Api>, origin: Origin, request: Request<B>) -> Response<Body> {
    let settings = &api.metrics.settings;
    let Some(rest) = request.uri().path().strip_prefix(settings.path.as_str()) else {
        return plain(StatusCode::NOT_FOUND, "Not Found");
    };
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let is_get = request.method() == Method::GET;
    if !is_get && request.method() != Method::HEAD {
        let is_asking = request.method() == Method::OPTIONS;
        return plain(if is_asking { StatusCode::OK } else { StatusCode::METHOD_NOT_ALLOWED }, "");
    }
    if settings.asks_for_login
        && let Err(problem) = may_watch(&api, origin, request.headers()).await
    {
        return problem;
    }
    let Some(permit) = permit(&api.metrics.room).await else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "too many pages are being written");
    };
    let page = match page_of(rest.to_owned(), query, settings.per_object).await {
        Ok(Some(page)) => page,
        Ok(None) => return plain(StatusCode::NOT_FOUND, "Unknown Registry"),
        Err(reason) => return plain(StatusCode::BAD_REQUEST, reason),
    };
    let is_packed = accepts_gzip(request.headers());
    let mut response =
        Response::new(if is_get { write(api, (page, permit), is_packed) } else { Body::empty() });
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, CONTENT);
    if is_packed && is_get {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    with_usual(response)
}

/// Leave to write a page, if it can be had in time.
async fn permit(room: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let waiting = tokio::time::timeout(ROOM_WAIT, room.clone().acquire_owned());
    waiting.await.ok()?.ok()
}

/// [`page`], on a thread where a pattern may take its time.
async fn page_of(rest: String, query: Query, per_object: bool) -> Result<Option<Page>, String> {
    let found = tokio::task::spawn_blocking(move || page(&rest, &query, per_object)).await;
    found.unwrap_or_else(|error| Err(error.to_string()))
}

/// The page of a path below the first one's; none of that name, or one that is asked for wrongly.
fn page(rest: &str, query: &Query, per_object: bool) -> Result<Option<Page>, String> {
    Ok(match rest.trim_end_matches('/') {
        "" if per_object => Some(Page::PerObject),
        "" => Some(Page::Aggregated),
        "/per-object" => Some(Page::PerObject),
        "/memory-breakdown" => Some(Page::Memory),
        "/detailed" => {
            let families = query.all("family").map(str::to_owned).collect();
            let scope = Scope {
                each: true,
                vhosts: query.all("vhost").map(str::to_owned).collect(),
                queue: queue_pattern(query)?,
            };
            Some(Page::Detailed { families, scope })
        }
        _ => None,
    })
}

fn queue_pattern(query: &Query) -> Result<Option<Pattern>, String> {
    let mut patterns = query.all("queue");
    let Some(pattern) = patterns.next() else { return Ok(None) };
    if patterns.next().is_some() {
        return Err("Only one 'queue' query parameter is allowed".to_owned());
    }
    let pattern = Pattern::new(pattern, Case::Matters);
    pattern.map(Some).map_err(|error| format!("Invalid 'queue' regex: {error}"))
}

/// A body that another thread writes while it leaves; until then there is one less to be written.
fn write(api: Arc<Api>, (page, permit): (Page, OwnedSemaphorePermit), is_packed: bool) -> Body {
    let (into, leaving) = pieces();
    tokio::task::spawn_blocking(move || {
        let written =
            if is_packed { write_packed(&api, &page, into) } else { write_plain(&api, &page, into) };
        if let Err(error) = written {
            tracing::debug!(%error, "metrics were not written to their end");
        }
        drop(permit);
    });
    Body::new(leaving)
}

fn write_plain(api: &Api, page: &Page, mut into: Pieces) -> io::Result<()> {
    page.write(api, &mut into)?;
    into.finish()
}

fn write_packed(api: &Api, page: &Page, into: Pieces) -> io::Result<()> {
    let mut packing = BufWriter::new(GzEncoder::new(into, Compression::fast()));
    page.write(api, &mut packing)?;
    let packer = packing.into_inner().map_err(io::IntoInnerError::into_error)?;
    packer.finish()?.finish()
}

fn plain(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    with_usual(response)
}

fn with_usual(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static("HEAD, GET, OPTIONS"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_and_is_told() {
        let room = State::new(MetricsSettings::default()).room;
        let mut pages = Vec::new();
        for _ in 0..AT_ONCE {
            pages.push(permit(&room).await.unwrap());
        }
        assert!(permit(&room).await.is_none());
        pages.pop();
        assert!(permit(&room).await.is_some());
    }
}
