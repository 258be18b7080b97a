//! What a peer's bytes can do wrong: a reply code, the place, and RabbitMQ's explanation.
//!
//! Invariant: every error of this crate closes the connection; the code tells which layer was broken
//! (501 the frame or a method's layout, 502 a field, 503 an unknown method, 505 a frame out of turn).

use std::borrow::Cow;

use crate::{erlang_term, reply_code::ReplyCode};

/// Bytes that could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} - {text} (at byte {at})", code.name())]
pub struct DecodeError {
    /// What to close the connection with.
    pub code: ReplyCode,
    /// Offset of the offending byte within what was being decoded (a frame, or a frame's payload).
    pub at: usize,
    /// The explanation for the peer, without the leading `NAME - `.
    pub text: Cow<'static, str>,
}

/// RabbitMQ's text for a name that is no text. Its frame reader says so before it knows the method, so it names none.
pub const MALFORMED_UTF8: &str = "Malformed UTF-8 in shortstr";

impl DecodeError {
    /// 501: bytes that are no frame, or arguments that do not fit their method.
    pub fn frame(at: usize, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code: ReplyCode::FrameError, at, text: text.into() }
    }

    /// 502: a field without meaning. RabbitMQ answers these with a crash (541 or a dropped socket).
    pub fn syntax(at: usize, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code: ReplyCode::SyntaxError, at, text: text.into() }
    }

    /// 503: no such method.
    pub fn command(at: usize, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code: ReplyCode::CommandInvalid, at, text: text.into() }
    }

    /// 505: a frame out of turn.
    pub fn unexpected(at: usize, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code: ReplyCode::UnexpectedFrame, at, text: text.into() }
    }

    /// 501 with RabbitMQ's text for a method whose arguments are too short or too long.
    #[cold]
    pub fn cannot_decode(at: usize, arguments: &[u8]) -> Self {
        Self::frame(at, format!("cannot decode {}", erlang_term::byte_list(arguments)))
    }
}
