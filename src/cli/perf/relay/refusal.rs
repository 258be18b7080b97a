//! What the relay refuses, with the code and text of the connection's close.

use leveret_codec::{DecodeError, Method, ReplyCode, method::connection};

/// The end of a client's run.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    code: ReplyCode,
    text: String,
}

impl Refusal {
    /// It takes a broker to do this.
    pub fn not_implemented(what: &str) -> Self {
        Self { code: ReplyCode::NotImplemented, text: format!("NOT_IMPLEMENTED - the relay {what}") }
    }

    pub fn unexpected_frame() -> Self {
        let text = "UNEXPECTED_FRAME - content must follow its method at once".to_owned();
        Self { code: ReplyCode::UnexpectedFrame, text }
    }

    /// The method that says so.
    pub fn close(self) -> Method {
        // A short string has 255 bytes at most, and a queue's name may be as long.
        let text: String = self.text.chars().take(120).collect();
        Method::Connection(connection::AMQPMethod::Close(connection::Close {
            reply_code: self.code.code(),
            reply_text: text.as_str().into(),
            class_id: 0,
            method_id: 0,
        }))
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        Self { code: error.code, text: error.text.into_owned() }
    }
}
