//! SASL mechanisms: which are on offer, and what a client's response says about who it is.

use leveret_codec::{Limits, TableRef};

use crate::amqp::session::{External, Peer};
use crate::model::{BrokerSettings, Mechanism};

/// The mechanisms on offer, as connection.start lists them.
pub fn offered(settings: &BrokerSettings, peer: &Peer) -> String {
    let names = settings.mechanisms.iter().filter(|mechanism| is_offered(**mechanism, settings, peer));
    names.map(|mechanism| mechanism.name()).collect::<Vec<_>>().join(" ")
}

/// EXTERNAL is offered to everybody who has come over TLS, as RabbitMQ does: a client that has forgotten its
/// certificate is refused with a reason in the log, instead of finding no mechanism.
fn is_offered(mechanism: Mechanism, settings: &BrokerSettings, peer: &Peer) -> bool {
    match mechanism {
        Mechanism::Plain | Mechanism::AmqPlain => true,
        Mechanism::Anonymous => settings.anonymous_login.is_some(),
        Mechanism::External => peer.external != External::NoTls,
    }
}

/// Who a client says it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// Why it should be believed.
    pub proof: Proof,
}

/// Why a client should be believed.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// It knows the password.
    Password(Vec<u8>),
    /// It has a certificate that says so, which was verified before the first byte.
    Certificate,
    /// There is none, for this reason.
    Missing(&'static str),
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

/// Reads a response to the offer that was made to `peer`.
pub fn credentials(
    settings: &BrokerSettings,
    peer: &Peer,
    mechanism: &str,
    response: &[u8],
) -> Result<Credentials, SaslError> {
    let chosen = Mechanism::named(mechanism)
        .filter(|chosen| settings.mechanisms.contains(chosen) && is_offered(*chosen, settings, peer))
        .ok_or_else(|| SaslError::UnknownMechanism(mechanism.to_owned()))?;
    let read = match chosen {
        Mechanism::Plain => plain(response),
        Mechanism::AmqPlain => amqplain(response),
        // Whatever these two send is not looked at.
        Mechanism::Anonymous => settings.anonymous_login.as_ref().map(|(user, password)| Credentials {
            user: user.clone(),
            proof: Proof::Password(password.as_bytes().to_vec()),
        }),
        Mechanism::External => Some(external(&peer.external)),
    };
    read.ok_or(SaslError::Malformed(chosen.name()))
}

fn external(external: &External) -> Credentials {
    let (user, proof) = match external {
        External::User(user) => (user.clone(), Proof::Certificate),
        External::Unnamed(why) => (String::new(), Proof::Missing(why)),
        External::NoTls => (String::new(), Proof::Missing("not a connection with TLS")),
    };
    Credentials { user, proof }
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
    let proof = Proof::Password(password.to_vec());
    Some(Credentials { user: name(user), proof })
}

/// A field table without its length.
fn amqplain(response: &[u8]) -> Option<Credentials> {
    let table = TableRef::decode(response, &Limits::default()).ok()?;
    let text = |key: &[u8]| table.get(key)?.as_bytes();
    let proof = Proof::Password(text(b"PASSWORD")?.to_vec());
    Some(Credentials { user: name(text(b"LOGIN")?), proof })
}

/// What is no text names nobody, like any other unknown name: the response as such is well-formed.
fn name(user: &[u8]) -> String {
    String::from_utf8_lossy(user).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use leveret_codec::{TableBuilder, Value};

    fn read(mechanism: &str, response: &[u8], external: External) -> Result<(String, Proof), SaslError> {
        let mechanisms = Mechanism::ALL.to_vec();
        let settings = BrokerSettings { mechanisms, ..BrokerSettings::default() };
        let peer = Peer { external, ..Peer::default() };
        let read = credentials(&settings, &peer, mechanism, response)?;
        Ok((read.user, read.proof))
    }

    fn password(user: &str, password: &[u8]) -> (String, Proof) {
        (user.to_owned(), Proof::Password(password.to_vec()))
    }

    #[test]
    fn plain_is_nul_user_nul_password_exactly() {
        let guest = read("PLAIN", b"\0guest\0secret", External::NoTls).ok();
        assert!(guest == Some(password("guest", b"secret")));
        for wrong in [b"guest\0guest".as_slice(), b"x\0guest\0guest", b"\0guest", b"", b"\0a\0b\0c"] {
            assert_eq!(read("PLAIN", wrong, External::NoTls).err(), Some(SaslError::Malformed("PLAIN")));
        }
    }

    #[test]
    fn amqplain_is_a_table_without_length() {
        let mut table = TableBuilder::new();
        table.insert("LOGIN", Value::Str(b"guest")).insert("PASSWORD", Value::Str(b"secret"));
        let table = table.build();
        let guest = read("AMQPLAIN", table.as_ref().raw(), External::NoTls).ok();
        assert!(guest == Some(password("guest", b"secret")));
        assert!(read("AMQPLAIN", b"\x05LOGIN", External::NoTls).is_err());
    }

    #[test]
    fn anonymous_and_external_do_not_look_at_the_response() {
        for response in [b"".as_slice(), b"jane"] {
            assert!(read("ANONYMOUS", response, External::NoTls).ok() == Some(password("guest", b"guest")));
            let jane = read("EXTERNAL", response, External::User("CN=jane".to_owned())).ok();
            assert!(jane == Some(("CN=jane".to_owned(), Proof::Certificate)));
            let nobody = read("EXTERNAL", response, External::Unnamed("no certificate")).ok();
            assert!(nobody == Some((String::new(), Proof::Missing("no certificate"))));
        }
    }

    #[test]
    fn what_is_not_on_offer_is_unknown() {
        let unknown = |name: &str| Some(SaslError::UnknownMechanism(name.to_owned()));
        assert_eq!(read("EXTERNAL", b"", External::NoTls).err(), unknown("EXTERNAL"));
        assert_eq!(read("plain", b"\0guest\0guest", External::NoTls).err(), unknown("plain"));
        let settings = BrokerSettings {
            mechanisms: vec![Mechanism::External, Mechanism::Anonymous, Mechanism::Plain],
            anonymous_login: None,
            ..BrokerSettings::default()
        };
        let over_tls = Peer { external: External::Unnamed(""), ..Peer::default() };
        assert_eq!(offered(&settings, &over_tls), "EXTERNAL PLAIN");
        assert_eq!(offered(&settings, &Peer::default()), "PLAIN");
        let refused = credentials(&settings, &over_tls, "AMQPLAIN", b"");
        assert_eq!(refused.err(), unknown("AMQPLAIN"));
    }
}
