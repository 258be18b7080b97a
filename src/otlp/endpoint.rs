//! Where a collector listens.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;

/// OTLP's port for HTTP.
const PORT: u16 = 4318;
/// Where traces go, below an address that is for every kind of signal.
const TRACES: &str = "v1/traces";

/// An address to post spans to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
    path: String,
}

/// An address that spans can't be sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is no address.
    #[error("expected an address such as `http://127.0.0.1:4318`, found `{0}`")]
    NoAddress(String),
    /// It wants TLS.
    #[error("spans are sent without TLS, to a collector beside the broker: say `http://`, found `{0}`")]
    Encrypted(String),
}

impl Endpoint {
    /// Of `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`: the whole address, which is used as it is.
    pub fn of_traces(address: &str) -> Result<Self, EndpointError> {
        let no_address = || EndpointError::NoAddress(address.to_owned());
        let uri: Uri = address.parse().map_err(|_| no_address())?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(EndpointError::Encrypted(address.to_owned())),
            _ => return Err(no_address()),
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(no_address)?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let port = uri.port_u16().unwrap_or(PORT);
        Ok(Self { host: host.to_owned(), port, path: path.to_owned() })
    }

    /// Where to open a socket; an address of IPv6 without its brackets.
    pub fn socket(&self) -> (&str, u16) {
        let bare = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        (bare.unwrap_or(&self.host), self.port)
    }

    /// What a request names as its host.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What a request asks for.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// Of `OTEL_EXPORTER_OTLP_ENDPOINT`: an address for every kind of signal, below which traces have their place.
impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(address: &str) -> Result<Self, EndpointError> {
        let mut endpoint = Self::of_traces(address)?;
        endpoint.path = format!("{}/{TRACES}", endpoint.path.trim_end_matches('/'));
        Ok(endpoint)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}{}", self.host, self.port, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_and_a_path_also_if_it_does_not_say_so() {
        let table = [
            ("http://collector", "http://collector:4318/v1/traces"),
            ("http://collector:80/otlp/", "http://collector:80/otlp/v1/traces"),
            ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
        ];
        for (address, expected) in table {
            assert_eq!(address.parse::<Endpoint>().unwrap().to_string(), expected);
        }
        let exact = Endpoint::of_traces("http://[::1]/as/it/is?a=b").unwrap();
        assert_eq!(
            (exact.to_string().as_str(), exact.socket()),
            ("http://[::1]:4318/as/it/is?a=b", ("::1", 4318))
        );
    }

    #[test]
    fn what_is_no_address_is_refused_with_one_that_is() {
        for address in ["", "collector", "collector:4318", "grpc://collector:4317", "http://"] {
            let refused = address.parse::<Endpoint>().unwrap_err();
            assert!(refused.to_string().contains("http://127.0.0.1:4318"), "{refused}");
        }
        assert!(matches!("https://c".parse::<Endpoint>(), Err(EndpointError::Encrypted(_))));
    }
}
