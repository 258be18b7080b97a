//! What is said back: answers, and problems in RabbitMQ's words.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use leveret_codec::ReplyCode;
use leveret_core::Refusal;
use serde::Serialize;
use serde_json::{Value, json};

/// An answer before it is encoded.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
    /// The body compressed, where it is kept so.
    pub packed: Option<Bytes>,
}

impl Answer {
    /// 200 with JSON.
    pub fn json(value: &impl Serialize) -> Self {
        Self::json_with(StatusCode::OK, value)
    }

    /// JSON that is written already.
    pub fn written_json(json: impl Into<Bytes>) -> Self {
        Self::empty(StatusCode::OK)
            .with(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .with_body(json)
    }

    /// JSON with another status.
    pub fn json_with(status: StatusCode, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::empty(status)
                .with(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .with_body(body),
            Err(error) => {
                tracing::error!(%error, "an answer could not be written as JSON");
                Self::empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    /// 200 with text of a type.
    pub fn text(content_type: &'static str, text: impl Into<Bytes>) -> Self {
        Self::empty(StatusCode::OK).with(CONTENT_TYPE, HeaderValue::from_static(content_type)).with_body(text)
    }

    /// Only a status.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), packed: None }
    }

    /// 201 for what is new, 204 for what was there.
    pub fn put(is_new: bool) -> Self {
        Self::empty(if is_new { StatusCode::CREATED } else { StatusCode::NO_CONTENT })
    }

    /// 204: done.
    pub fn done() -> Self {
        Self::empty(StatusCode::NO_CONTENT)
    }

    /// 301.
    pub fn moved_to(path: &str) -> Self {
        let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
        Self::empty(StatusCode::MOVED_PERMANENTLY).with(LOCATION, location)
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

/// Why a request is not done.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub status: StatusCode,
    /// `{"error","reason"}`; nothing where RabbitMQ says nothing.
    said: Option<(&'static str, Value)>,
    /// Whether a browser is to ask for a password.
    asks_who: bool,
}

impl Problem {
    /// A status with RabbitMQ's pair of words.
    pub fn new(status: StatusCode, error: &'static str, reason: impl Into<Value>) -> Self {
        Self { status, said: Some((error, reason.into())), asks_who: false }
    }

    /// A status alone.
    pub fn silent(status: StatusCode) -> Self {
        Self { status, said: None, asks_who: false }
    }

    /// 404, of what the path names.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Object Not Found", "Not Found")
    }

    /// 404, of something that the request needs.
    pub fn nothing_there(reason: impl Into<Value>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", reason)
    }

    /// 400.
    pub fn bad_request(reason: impl Into<Value>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", reason)
    }

    /// 401 of somebody who is known.
    pub fn not_authorised(reason: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_authorised", reason)
    }

    /// 401 of somebody whose permissions do not reach.
    pub fn access_refused() -> Self {
        Self::not_authorised("Access refused.")
    }

    /// 401 of wrong credentials. Without `www-authenticate`, so that no browser asks for others.
    pub fn wrong_credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_authorized", "Not_Authorized")
    }

    /// 401 of nobody.
    pub fn who_are_you() -> Self {
        Self { asks_who: true, ..Self::silent(StatusCode::UNAUTHORIZED) }
    }

    /// 412.
    pub fn precondition_failed(reason: impl Into<Value>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", reason)
    }

    /// The answer that says so.
    pub fn answer(&self) -> Answer {
        let answer = match &self.said {
            Some((error, reason)) => {
                Answer::json_with(self.status, &json!({"error": error, "reason": reason}))
            }
            None => Answer::empty(self.status),
        };
        if self.asks_who {
            let realm = HeaderValue::from_static("Basic realm=\"RabbitMQ Management\"");
            return answer.with(WWW_AUTHENTICATE, realm);
        }
        answer
    }
}

impl From<Refusal> for Problem {
    /// What the rules refuse is said over HTTP without its code.
    fn from(refusal: Refusal) -> Self {
        match refusal.code {
            ReplyCode::AccessRefused => Self::access_refused(),
            ReplyCode::NotFound => Self::nothing_there(refusal.text.into_owned()),
            _ => Self::bad_request(refusal.text.into_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_the_rules_is_said_as_rabbitmq_says_it_over_http() {
        let said = |refusal: Refusal| Problem::from(refusal).answer();
        let answer = said(Refusal::access_refused("configure access to queue 'q' refused"));
        assert_eq!(answer.status, 401);
        assert_eq!(answer.body, r#"{"error":"not_authorised","reason":"Access refused."}"#);
        let answer = said(Refusal::not_found("no queue 'q' in vhost '/'"));
        assert_eq!(answer.status, 404);
        assert_eq!(answer.body, r#"{"error":"not_found","reason":"no queue 'q' in vhost '/'"}"#);
        let answer = said(Refusal::precondition_failed("inequivalent arg 'durable'"));
        assert_eq!(answer.status, 400);
        assert_eq!(answer.body, r#"{"error":"bad_request","reason":"inequivalent arg 'durable'"}"#);
    }

    #[test]
    fn only_who_says_nothing_is_asked_for_a_password() {
        assert_eq!(Problem::who_are_you().answer().headers.len(), 1);
        assert!(Problem::who_are_you().answer().body.is_empty());
        let headers = Problem::wrong_credentials().answer().headers;
        assert!(headers.iter().all(|(name, _)| name != WWW_AUTHENTICATE));
    }
}
