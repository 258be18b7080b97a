//! The reply codes of §1.2: one line a code, with what it closes.
//!
//! Invariant: a code determines its scope; a channel-scoped code raised on channel 0 closes the connection,
//! which is for the caller to see.

/// What a refusal closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `channel.close`: the connection lives on.
    Channel,
    /// `connection.close`.
    Connection,
}

macro_rules! reply_codes {
    ($($variant:ident = $code:literal, $scope:ident, $name:literal, $doc:literal;)*) => {
        /// Why something was refused, closed or returned.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum ReplyCode {
            $(#[doc = $doc] $variant = $code,)*
        }

        impl ReplyCode {
            /// Every code, in rising order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The number on the wire.
            pub const fn code(self) -> u16 {
                self as u16
            }

            /// The name that starts every reply text: `NOT_FOUND - no queue ...`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What this code closes.
            pub const fn scope(self) -> Scope {
                match self { $(Self::$variant => Scope::$scope,)* }
            }

            /// The code with this number.
            pub const fn from_code(code: u16) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

reply_codes! {
    ContentTooLarge    = 311, Channel,    "CONTENT_TOO_LARGE",   "a body larger than can be taken now";
    NoRoute            = 312, Channel,    "NO_ROUTE",            "only in basic.return: no queue took the mandatory message";
    NoConsumers        = 313, Channel,    "NO_CONSUMERS",        "only in basic.return; RabbitMQ never sends it";
    ConnectionForced   = 320, Connection, "CONNECTION_FORCED",   "an operator closed it";
    InvalidPath        = 402, Connection, "INVALID_PATH",        "an unknown virtual host; RabbitMQ says `NOT_ALLOWED`";
    AccessRefused      = 403, Channel,    "ACCESS_REFUSED",      "the user may not do this to this entity";
    NotFound           = 404, Channel,    "NOT_FOUND",           "no such entity";
    ResourceLocked     = 405, Channel,    "RESOURCE_LOCKED",     "another connection holds it exclusively";
    PreconditionFailed = 406, Channel,    "PRECONDITION_FAILED", "declared otherwise before, or in use, or not empty";
    FrameError         = 501, Connection, "FRAME_ERROR",         "bytes that are no frame, or arguments that are none of their method";
    SyntaxError        = 502, Connection, "SYNTAX_ERROR",        "a frame with a field that has no meaning";
    CommandInvalid     = 503, Connection, "COMMAND_INVALID",     "a method that does not exist or not in this direction";
    ChannelError       = 504, Connection, "CHANNEL_ERROR",       "a channel that is not open, or open already";
    UnexpectedFrame    = 505, Connection, "UNEXPECTED_FRAME",    "a well-formed frame out of turn";
    ResourceError      = 506, Connection, "RESOURCE_ERROR",      "no resources to go on";
    NotAllowed         = 530, Connection, "NOT_ALLOWED",         "virtual host or limit forbids it";
    NotImplemented     = 540, Connection, "NOT_IMPLEMENTED",     "a feature that RabbitMQ does not have either";
    InternalError      = 541, Connection, "INTERNAL_ERROR",      "our fault";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_finds_its_code_again() {
        for code in ReplyCode::ALL {
            assert_eq!(ReplyCode::from_code(code.code()), Some(*code));
        }
        assert_eq!(ReplyCode::ALL.len(), 18);
        assert_eq!(ReplyCode::from_code(200), None);
    }

    #[test]
    fn soft_codes_are_the_specifications_soft_errors() {
        let soft: Vec<u16> = ReplyCode::ALL
            .iter()
            .filter(|code| code.scope() == Scope::Channel)
            .map(|code| code.code())
            .collect();
        assert_eq!(soft, [311, 312, 313, 403, 404, 405, 406]);
    }
}
