//! What the broker says no with: a reply code, its scope, and RabbitMQ's text.
//!
//! A refusal is a value; only the outermost caller (`amqp::Connection`) turns it into a
//! `channel.close` or `connection.close`, with the class and method of the method that failed.

use std::borrow::Cow;
use std::fmt;

use leveret_codec::{DecodeError, MALFORMED_UTF8, MethodId, ReplyCode};

pub use leveret_codec::Scope;

/// The result of every rule that can say no.
pub type Ruling<T = ()> = Result<T, Refusal>;

/// Reply texts are short strings on the wire.
const REPLY_TEXT_MAX_BYTES: usize = 255;

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Refusal {
    /// The code of the close.
    pub code: ReplyCode,
    /// Which close: the channel's or the connection's.
    pub scope: Scope,
    /// RabbitMQ's explanation, for the peer; empty for a bare code.
    pub text: Cow<'static, str>,
    /// Which method the close names.
    pub names: Named,
}

/// The method that a close names as the one that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// The one that was being handled.
    Handled,
    /// This one: what came belongs to it, or should have.
    This(MethodId),
    /// None (`0.0`): frames, limits, operators.
    Nothing,
}

macro_rules! refusals { ($($(#[$doc:meta])* $name:ident = $code:ident;)*) => {
    impl Refusal {
        $($(#[$doc])* pub fn $name(text: impl Into<Cow<'static, str>>) -> Self {
            Self::new(ReplyCode::$code, text)
        })*
    }
} }

refusals! {
    /// 403: the user may not do this to this entity.
    access_refused = AccessRefused;
    /// 404: no such entity.
    not_found = NotFound;
    /// 405: another connection holds it exclusively.
    resource_locked = ResourceLocked;
    /// 406: declared otherwise before, in use, not empty, or an unknown delivery tag.
    precondition_failed = PreconditionFailed;
    /// 501: content or arguments that don't fit their frame.
    frame_error = FrameError;
    /// 503: a method that is not for a client, or not here.
    command_invalid = CommandInvalid;
    /// 504: a channel that is not open, or open twice.
    channel_error = ChannelError;
    /// 505: a frame of the wrong kind.
    unexpected_frame = UnexpectedFrame;
    /// 530: a limit or a virtual host forbids it.
    not_allowed = NotAllowed;
    /// 540: part of the specification that RabbitMQ does not serve either.
    not_implemented = NotImplemented;
    /// 541: the broker's own fault.
    internal_error = InternalError;
    /// 320: an operator, or the broker's end.
    connection_forced = ConnectionForced;
}

impl Refusal {
    /// A refusal with the scope that its code has in the specification.
    pub fn new(code: ReplyCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, scope: code.scope(), text: text.into(), names: Named::Handled }
    }

    /// The same, closing the connection whatever the code says.
    pub fn of_connection(mut self) -> Self {
        self.scope = Scope::Connection;
        self
    }

    /// The same, with class and method zero in the close.
    pub fn without_method(mut self) -> Self {
        self.names = Named::Nothing;
        self
    }

    /// The same, with this class and method in the close, whatever was being handled.
    pub fn of_method(mut self, id: MethodId) -> Self {
        self.names = Named::This(id);
        self
    }

    /// The class and method for the close, when `handled` was being handled.
    pub fn method(&self, handled: Option<MethodId>) -> MethodId {
        let named = match self.names {
            Named::Handled => handled,
            Named::This(id) => Some(id),
            Named::Nothing => None,
        };
        named.unwrap_or(MethodId { class: 0, method: 0 })
    }

    /// `NAME - explanation`, cut to what a short string holds, as RabbitMQ cuts it.
    pub fn reply_text(&self) -> String {
        let mut text = match self.text.as_ref() {
            "" => self.code.name().to_owned(),
            explanation => format!("{} - {explanation}", self.code.name()),
        };
        if REPLY_TEXT_MAX_BYTES < text.len() {
            let mut end = REPLY_TEXT_MAX_BYTES - 3;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            text.push_str("...");
        }
        text
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.code.code(), self.reply_text())
    }
}

impl std::error::Error for Refusal {}

impl From<DecodeError> for Refusal {
    /// Bytes that don't decode close the connection.
    fn from(error: DecodeError) -> Self {
        let names = if error.text == MALFORMED_UTF8 { Named::Nothing } else { Named::Handled };
        Self { code: error.code, scope: Scope::Connection, text: error.text, names }
    }
}
