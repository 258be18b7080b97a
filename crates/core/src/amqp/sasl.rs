//! SASL mechanisms: what a client's response says about who it is.

use leveret_codec::{Limits, TableRef};

/// The mechanisms on offer, as connection.start lists them.
pub const MECHANISMS: &str = "PLAIN AMQPLAIN";

/// Who a client says it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// Its password.
    pub password: Vec<u8>,
}

/// A response that can't be understood. RabbitMQ says nothing to such a client and closes the socket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// Not on offer.
    #[error("unknown authentication mechanism '{0}'")]
    UnknownMechanism(String),
    /// Not of the mechanism's form.
    #[error("malformed response for authentication mechanism {0}")]
    Malformed(&'static str),
}

/// Reads a response.
pub fn credentials(mechanism: &str, response: &[u8]) -> Result<Credentials, SaslError> {
    match mechanism {
        "PLAIN" => plain(response).ok_or(SaslError::Malformed("PLAIN")),
        "AMQPLAIN" => amqplain(response).ok_or(SaslError::Malformed("AMQPLAIN")),
        other => Err(SaslError::UnknownMechanism(other.to_owned())),
    }
}

/// `NUL user NUL password`; the authorization identity before the first NUL must be empty (RabbitMQ).
fn plain(response: &[u8]) -> Option<Credentials> {
    let [0, rest @ ..] = response else { return None };
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (user, password) = rest.split_at_checked(end)?;
    let password = password.strip_prefix(&[0])?;
    if password.contains(&0) {
        return None;
    }
    Some(Credentials { user: name(user), password: password.to_vec() })
}

/// A field table without its length.
fn amqplain(response: &[u8]) -> Option<Credentials> {
    let table = TableRef::decode(response, &Limits::default()).ok()?;
    let text = |key: &[u8]| table.get(key)?.as_bytes();
    Some(Credentials { user: name(text(b"LOGIN")?), password: text(b"PASSWORD")?.to_vec() })
}

/// What is no text names nobody, like any other unknown name: the response as such is well-formed.
fn name(user: &[u8]) -> String {
    String::from_utf8_lossy(user).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use leveret_codec::{TableBuilder, Value};

    #[test]
    fn plain_is_nul_user_nul_password_exactly() {
        let guest = credentials("PLAIN", b"\0guest\0secret").ok().unwrap();
        assert_eq!((guest.user.as_str(), guest.password.as_slice()), ("guest", b"secret".as_slice()));
        for wrong in [b"guest\0guest".as_slice(), b"x\0guest\0guest", b"\0guest", b"", b"\0a\0b\0c"] {
            assert_eq!(credentials("PLAIN", wrong).err(), Some(SaslError::Malformed("PLAIN")));
        }
    }

    #[test]
    fn amqplain_is_a_table_without_length() {
        let mut table = TableBuilder::new();
        table.insert("LOGIN", Value::Str(b"guest")).insert("PASSWORD", Value::Str(b"secret"));
        let table = table.build();
        let guest = credentials("AMQPLAIN", table.as_ref().raw()).ok().unwrap();
        assert_eq!((guest.user.as_str(), guest.password.as_slice()), ("guest", b"secret".as_slice()));
        assert!(credentials("AMQPLAIN", b"\x05LOGIN").is_err());
    }
}
