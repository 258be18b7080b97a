//! The broker a command talks to: `amqp://user:password@host:port/vhost`.
//!
//! As RabbitMQ's clients read such a URL: what is left out is guest, guest, port 5672 and the vhost `/`;
//! user, password and vhost are percent-decoded, and a path of `/` alone is the empty vhost.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Url;

/// Where a broker listens, and as whom to log in.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Name or address.
    pub host: String,
    /// 5672 if not given.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// The password of `user`.
    pub password: String,
    /// The virtual host to open.
    pub vhost: String,
}

/// The longest name that fits a short string (§4.2.5.3).
const SHORT_STRING_BYTES: usize = 255;

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let url = Url::parse(text)?;
        if url.scheme() != "amqp" {
            return Err(TargetError::Scheme(url.scheme().to_owned()));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(TargetError::NoHost)?;
        let vhost = match url.path().strip_prefix('/') {
            None => "/".to_owned(),
            Some(encoded) => decode(encoded)?,
        };
        if SHORT_STRING_BYTES < vhost.len() {
            return Err(TargetError::LongVhost(vhost.len()));
        }
        Ok(Self {
            // The brackets of an IPv6 address are the URL's, not the address's.
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(leveret::AMQP_PORT),
            user: or_guest(url.username())?,
            password: or_guest(url.password().unwrap_or_default())?,
            vhost,
        })
    }
}

fn or_guest(encoded: &str) -> Result<String, TargetError> {
    if encoded.is_empty() { Ok("guest".to_owned()) } else { decode(encoded) }
}

fn decode(encoded: &str) -> Result<String, TargetError> {
    let decoded = percent_decode_str(encoded).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| TargetError::NotUtf8)
}

/// Never the password.
impl fmt::Display for Target {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        if host.contains(':') {
            write!(to, "[{host}]:{}", self.port)
        } else {
            write!(to, "{host}:{}", self.port)
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Target({self}, user {:?}, vhost {:?})", self.user, self.vhost)
    }
}

/// A URL that names no broker.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL at all.
    #[error("not a URL: {0}")]
    Url(#[from] url::ParseError),
    /// A scheme other than `amqp`.
    #[error("`{0}` is not spoken here: the URL starts with amqp://")]
    Scheme(String),
    /// Nothing to connect to.
    #[error("the URL names no host")]
    NoHost,
    /// Names are UTF-8 in AMQP.
    #[error("user, password and vhost must be UTF-8 when percent-decoded")]
    NotUtf8,
    /// A vhost is a short string.
    #[error("the vhost has {0} bytes, 255 is the limit")]
    LongVhost(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (String, String, String, String) {
        let target: Target = url.parse().unwrap();
        (target.to_string(), target.user, target.password, target.vhost)
    }

    fn expected(at: &str, user: &str, password: &str, vhost: &str) -> (String, String, String, String) {
        (at.into(), user.into(), password.into(), vhost.into())
    }

    #[test]
    fn what_is_left_out_is_what_a_fresh_broker_offers() {
        assert_eq!(parsed("amqp://localhost"), expected("localhost:5672", "guest", "guest", "/"));
    }

    #[test]
    fn every_part_is_percent_decoded() {
        let url = "amqp://a%40b:c%2Fd@10.0.0.1:5673/%2Fe";
        assert_eq!(parsed(url), expected("10.0.0.1:5673", "a@b", "c/d", "/e"));
    }

    #[test]
    fn a_path_of_a_slash_alone_is_the_empty_vhost() {
        assert_eq!(parsed("amqp://localhost/"), expected("localhost:5672", "guest", "guest", ""));
    }

    #[test]
    fn an_ipv6_address_loses_its_brackets_and_gets_them_back() {
        let target: Target = "amqp://[::1]:5672/%2f".parse().unwrap();
        assert_eq!((target.host.as_str(), target.to_string().as_str()), ("::1", "[::1]:5672"));
    }

    #[test]
    fn what_names_no_broker_is_refused() {
        let refusal = |url: &str| url.parse::<Target>().unwrap_err();
        assert_eq!(refusal("http://localhost"), TargetError::Scheme("http".into()));
        assert_eq!(refusal("amqp://%ff@localhost"), TargetError::NotUtf8);
        assert_eq!(refusal(&format!("amqp://localhost/{}", "v".repeat(256))), TargetError::LongVhost(256));
        assert!(matches!(refusal("localhost"), TargetError::Url(_)));
        assert!(matches!(refusal("amqp:///vhost"), TargetError::NoHost));
    }

    #[test]
    fn a_password_is_not_printed() {
        let target: Target = "amqp://guest:s3cret@localhost".parse().unwrap();
        assert!(!format!("{target} {target:?}").contains("s3cret"));
    }
}
