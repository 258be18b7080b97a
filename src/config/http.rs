//! The options of the HTTP API and of the page of metrics: RabbitMQ's `management.*` and `prometheus.*`.
//!
//! Both are served unless somebody says `off`. A port of theirs that nobody asked for by name is RabbitMQ's.

use std::net::{IpAddr, SocketAddr};

use leveret::{Listen, RatesMode, TlsSettings};

use super::options::{Flag, Refused, Setting, each, named, one, put};
use super::{Given, Plan, tls, value};

/// RabbitMQ's port for HTTP.
pub const HTTP_PORT: u16 = 15672;
/// With TLS.
pub const HTTPS_PORT: u16 = 15671;
/// RabbitMQ's port for metrics.
pub const METRICS_PORT: u16 = 15692;
/// With TLS.
pub const METRICS_TLS_PORT: u16 = 15691;

/// Where something is served over HTTP, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listeners {
    /// Without TLS.
    pub listen: Vec<Listen>,
    /// With it.
    pub listen_tls: Vec<Listen>,
    /// How.
    pub tls: TlsSettings,
    /// It is not served at all.
    pub is_off: bool,
}

/// The HTTP API.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// Where.
    pub listeners: Listeners,
    /// Stands before every path.
    pub path_prefix: String,
    /// Origins whose pages may ask.
    pub cors_origins: Vec<String>,
    /// How long a browser may remember that, in seconds.
    pub cors_max_age_secs: Option<u64>,
    /// Longest body of a request.
    pub max_body_bytes: usize,
    /// Whether rates are told.
    pub rates_mode: RatesMode,
    /// Numbers are not told, whatever is asked for.
    pub disable_stats: bool,
    /// Those of messages are told all the same.
    pub enable_queue_totals: bool,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listeners: Listeners::default(),
            path_prefix: String::new(),
            cors_origins: Vec::new(),
            cors_max_age_secs: Some(1800),
            max_body_bytes: 10_000_000,
            rates_mode: RatesMode::Basic,
            disable_stats: false,
            enable_queue_totals: false,
        }
    }
}

/// The page of metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// Where.
    pub listeners: Listeners,
    /// The path of the page.
    pub path: String,
    /// Whether that page tells of every queue and connection by itself.
    pub per_object: bool,
    /// Whether whoever asks must log in.
    pub asks_for_login: bool,
}

impl Default for Metrics {
    fn default() -> Self {
        let (listeners, path) = (Listeners::default(), "/metrics".to_owned());
        Self { listeners, path, per_object: false, asks_for_login: false }
    }
}

/// See [`super::options::settings`].
pub const HTTP_SETTINGS: &[Setting] = &[
    Setting {
        flag: Some(Flag::Values { name: "http", value: "ADDR:PORT|off" }),
        environment: &["LEVERET_HTTP"],
        keys: &[
            "management.tcp.port",
            "management.tcp.ip",
            "management.listener.port",
            "management.listener.ip",
            "management.listener.ssl",
        ],
        default: "15672 on all interfaces",
        help: "Where to serve the HTTP API: an address and a port, or a port for all interfaces; `off` serves none",
        set: |plan, given| set_listen(&mut plan.http.listeners, given, HTTP_PORT),
    },
    Setting {
        flag: Some(Flag::Values { name: "http-tls", value: "ADDR:PORT" }),
        environment: &["LEVERET_HTTP_TLS"],
        keys: &["management.ssl.port", "management.ssl.ip"],
        default: "15671 if there is a certificate for it, else none",
        help: "Where to serve the HTTP API with TLS",
        set: |plan, given| set_listen_tls(&mut plan.http.listeners, given, HTTPS_PORT),
    },
    Setting {
        flag: None,
        environment: &[
            "RABBITMQ_MANAGEMENT_SSL_CERTFILE",
            "RABBITMQ_MANAGEMENT_SSL_KEYFILE",
            "RABBITMQ_MANAGEMENT_SSL_CACERTFILE",
            "RABBITMQ_MANAGEMENT_SSL_VERIFY",
            "RABBITMQ_MANAGEMENT_SSL_DEPTH",
            "RABBITMQ_MANAGEMENT_SSL_FAIL_IF_NO_PEER_CERT",
        ],
        keys: &[
            "management.ssl.certfile",
            "management.ssl.keyfile",
            "management.ssl.cacertfile",
            "management.ssl.verify",
            "management.ssl.fail_if_no_peer_cert",
            "management.ssl.depth",
            "management.ssl.versions.*",
            "management.ssl.ciphers.*",
            "management.ssl.honor_cipher_order",
            "management.listener.ssl_opts.*",
        ],
        default: "those of AMQP",
        help: "Certificate, key, authorities and the rest of TLS for the HTTP API, as in `ssl_options`",
        set: |plan, given| tls::set_all(&mut plan.http.listeners.tls, given),
    },
    Setting {
        flag: None,
        environment: &["LEVERET_HTTP_PATH_PREFIX"],
        keys: &["management.path_prefix"],
        default: "none",
        help: "Stands before every path of the HTTP API, as a proxy may want it",
        set: |plan, given| one(given, |text| put(&mut plan.http.path_prefix, path(text))),
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["management.cors.allow_origins.*"],
        default: "none",
        help: "Origins whose pages may ask the HTTP API; `*` is any",
        set: |plan, given| {
            plan.http.cors_origins = given.iter().map(|given| given.value.clone()).collect();
            Ok(())
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["management.cors.max_age"],
        default: "1800",
        help: "How long a browser may remember that, in seconds",
        set: |plan, given| {
            one(given, |text| match text {
                "undefined" => put(&mut plan.http.cors_max_age_secs, Ok(None)),
                _ => put(
                    &mut plan.http.cors_max_age_secs,
                    value::integer(text, 0, u64::from(u32::MAX)).map(Some),
                ),
            })
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["management.http.max_body_size"],
        default: "10000000",
        help: "Longest body of a request to the HTTP API, in bytes",
        set: |plan, given| {
            one(given, |text| put(&mut plan.http.max_body_bytes, value::integer(text, 1, 1 << 30)))
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["management.rates_mode", "management.disable_stats", "management.enable_queue_totals"],
        default: "basic",
        help: "How much the HTTP API tells of what happens: `none` leaves rates out, `disable_stats` all numbers, `enable_queue_totals` brings how many messages there are back",
        set: set_rates,
    },
    Setting {
        flag: Some(Flag::Values { name: "metrics", value: "ADDR:PORT|off" }),
        environment: &["LEVERET_METRICS"],
        keys: &["prometheus.tcp.port", "prometheus.tcp.ip"],
        default: "15692 on all interfaces",
        help: "Where to serve metrics for Prometheus: an address and a port, or a port for all interfaces; `off` serves none",
        set: |plan, given| set_listen(&mut plan.metrics.listeners, given, METRICS_PORT),
    },
    Setting {
        flag: None,
        environment: &["LEVERET_METRICS_TLS"],
        keys: &["prometheus.ssl.port", "prometheus.ssl.ip"],
        default: "15691 if there is a certificate for it, else none",
        help: "Where to serve metrics with TLS",
        set: |plan, given| set_listen_tls(&mut plan.metrics.listeners, given, METRICS_TLS_PORT),
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &[
            "prometheus.ssl.certfile",
            "prometheus.ssl.keyfile",
            "prometheus.ssl.cacertfile",
            "prometheus.ssl.verify",
            "prometheus.ssl.fail_if_no_peer_cert",
            "prometheus.ssl.depth",
            "prometheus.ssl.versions.*",
            "prometheus.ssl.ciphers.*",
            "prometheus.ssl.honor_cipher_order",
        ],
        default: "those of AMQP",
        help: "Certificate, key, authorities and the rest of TLS for metrics, as in `ssl_options`",
        set: |plan, given| tls::set_all(&mut plan.metrics.listeners.tls, given),
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["prometheus.path"],
        default: "/metrics",
        help: "The path of the page of metrics",
        set: |plan, given| one(given, |text| put(&mut plan.metrics.path, path(text))),
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["prometheus.return_per_object_metrics"],
        default: "false",
        help: "Whether that page tells of every queue and connection by itself",
        set: |plan, given| one(given, |text| put(&mut plan.metrics.per_object, value::boolean(text))),
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["prometheus.authentication.enabled"],
        default: "false",
        help: "Whether whoever asks for metrics must log in as a user with the tag `monitoring`",
        set: |plan, given| one(given, |text| put(&mut plan.metrics.asks_for_login, value::boolean(text))),
    },
];

/// A flag or a variable says all of it; in the file address and port have a line each.
fn set_listen(listeners: &mut Listeners, given: &[Given], usual: u16) -> Result<(), Refused> {
    let has_tls = given.iter().any(|given| given.last_part() == "ssl" && given.value == "true");
    let mut found = Vec::new();
    let mut place = Place { ip: None, port: None };
    each(given, |given| {
        match given.last_part() {
            "" if given.value == "off" => listeners.is_off = true,
            "" => {
                let parts = given.value.split(',').map(str::trim);
                found.extend(parts.map(value::listen).collect::<Result<Vec<_>, _>>()?);
            }
            "ssl" => {
                value::boolean(&given.value)?;
            }
            part => place.set(part, &given.value)?,
        }
        Ok(())
    })?;
    found.extend(place.listen(usual));
    // The old keys have one listener, which is the one or the other.
    let place = if has_tls { &mut listeners.listen_tls } else { &mut listeners.listen };
    place.extend(found);
    Ok(())
}

fn set_listen_tls(listeners: &mut Listeners, given: &[Given], usual: u16) -> Result<(), Refused> {
    let mut place = Place { ip: None, port: None };
    each(given, |given| {
        if given.last_part().is_empty() {
            let parts = given.value.split(',').map(str::trim);
            listeners.listen_tls.extend(parts.map(value::listen).collect::<Result<Vec<_>, _>>()?);
            return Ok(());
        }
        place.set(given.last_part(), &given.value)
    })?;
    listeners.listen_tls.extend(place.listen(usual));
    Ok(())
}

/// A listener of which each line of a file says a part.
struct Place {
    ip: Option<IpAddr>,
    port: Option<u16>,
}

impl Place {
    fn set(&mut self, part: &str, text: &str) -> Result<(), String> {
        if part == "ip" {
            let ip = text.trim_matches(['[', ']']).parse();
            let ip: IpAddr = ip.map_err(|_| format!("expected an IP address, found `{text}`"))?;
            self.ip = Some(ip);
        } else {
            self.port = Some(value::integer(text, 1, u16::MAX)?);
        }
        Ok(())
    }

    fn listen(self, usual: u16) -> Option<Listen> {
        match (self.ip, self.port) {
            (None, None) => None,
            (None, Some(port)) => Some(Listen::AllInterfaces(port)),
            (Some(ip), port) => Some(Listen::Address(SocketAddr::new(ip, port.unwrap_or(usual)))),
        }
    }
}

/// `/broker`, without a slash at the end.
fn path(text: &str) -> Result<String, String> {
    let path = named(text)?;
    let path = path.trim_end_matches('/');
    if path.is_empty() || path.starts_with('/') {
        Ok(path.to_owned())
    } else {
        Err(format!("expected a path that begins with `/`, found `{text}`"))
    }
}

fn set_rates(plan: &mut Plan, given: &[Given]) -> Result<(), Refused> {
    each(given, |given| match given.last_part() {
        "disable_stats" => put(&mut plan.http.disable_stats, value::boolean(&given.value)),
        "enable_queue_totals" => put(&mut plan.http.enable_queue_totals, value::boolean(&given.value)),
        _ => put(&mut plan.http.rates_mode, rates_mode(&given.value)),
    })
}

fn rates_mode(text: &str) -> Result<RatesMode, String> {
    match text {
        "none" => Ok(RatesMode::None),
        "basic" => Ok(RatesMode::Basic),
        "detailed" => Ok(RatesMode::Detailed),
        _ => Err(format!("expected `none`, `basic` or `detailed`, found `{text}`")),
    }
}

/// What nobody spoke of, when everybody has spoken.
pub fn fill_in(plan: &mut Plan) {
    let amqp = plan.settings.tls.clone();
    for (listeners, port, tls_port) in [
        (&mut plan.http.listeners, HTTP_PORT, HTTPS_PORT),
        (&mut plan.metrics.listeners, METRICS_PORT, METRICS_TLS_PORT),
    ] {
        if listeners.is_off {
            listeners.listen.clear();
            listeners.listen_tls.clear();
            continue;
        }
        let has_own = listeners.tls.certfile.is_some();
        if has_own && listeners.listen_tls.is_empty() {
            listeners.listen_tls.push(Listen::AllInterfaces(tls_port));
        }
        if !has_own && !listeners.listen_tls.is_empty() {
            listeners.tls = amqp.clone();
        }
        if listeners.listen.is_empty() && !listeners.listen_tls.iter().any(|listen| is_at(*listen, port)) {
            listeners.listen.push(Listen::AllInterfaces(port));
        }
    }
}

fn is_at(listen: Listen, port: u16) -> bool {
    match listen {
        Listen::Address(address) => address.port() == port,
        Listen::AllInterfaces(own) => own == port,
    }
}

#[cfg(test)]
mod tests;
