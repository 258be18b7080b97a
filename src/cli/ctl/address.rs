//! Which broker a command speaks to: what was said on the command line, else what is found on this machine.
//!
//! In this order: `--socket` or `--url`; `LEVERET_SOCKET`; the socket in the data directory that `--data-dir` or the
//! environment names; that in the default one; the one socket in the runtime directory, where ephemeral brokers have
//! theirs; port 15672 as guest. What was said outright is used even if nobody answers there: another broker that
//! happens to run is not meant. What was found by looking is used only if somebody answers: a broker that was killed
//! leaves its socket behind.

use std::fmt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use leveret::{check_ours, runtime_directory};
use percent_encoding::percent_decode_str;
use url::Url;

use super::exit::{Exit, Failure};
use super::trust::Trust;
use crate::config::{self, Environment};

/// The port of the HTTP API.
pub const HTTP_PORT: u16 = 15672;

/// Where to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A Unix socket, which asks for no password.
    Socket(PathBuf),
    /// A port.
    Tcp {
        /// Name or address, without brackets.
        host: String,
        /// Of the HTTP API.
        port: u16,
        /// Spoken where it is there.
        tls: Option<Trust>,
    },
}

/// A broker's HTTP API, and as whom to speak to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Where.
    pub place: Place,
    /// User and password; none over the socket.
    pub login: Option<(String, String)>,
    /// In front of `/api`: `management.path_prefix`.
    pub path_prefix: String,
}

/// What the command line said of the broker's place.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// `--socket`.
    pub socket: Option<PathBuf>,
    /// `--url`.
    pub url: Option<String>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
}

impl Wanted {
    /// Looks.
    pub fn find(&self, environment: &Environment) -> Result<Address, Failure> {
        if let Some(path) = &self.socket {
            return Ok(Address::socket(path));
        }
        if let Some(url) = &self.url {
            return Address::of_url(url).map_err(|problem| Failure::usage(format!("--url: {problem}")));
        }
        if let Some(path) = environment.variable("LEVERET_SOCKET") {
            return Ok(Address::socket(Path::new(&path)));
        }
        if let Some(directory) = self.data_dir.clone().or_else(|| config::told_data_dir(environment)) {
            return Ok(Address::socket(&socket_in(&directory)));
        }
        let usual = config::default_data_dir(environment).map(|directory| socket_in(&directory));
        if let Some(path) = usual.filter(|path| answers(path)) {
            return Ok(Address::socket(&path));
        }
        let runtime = runtime_directory(environment.variable("XDG_RUNTIME_DIR").map(Into::into));
        Ok(of_runtime(&runtime)?.unwrap_or_else(Address::default_port))
    }
}

impl Address {
    /// A socket at `path`.
    pub fn socket(path: &Path) -> Self {
        Self { place: Place::Socket(path.to_owned()), login: None, path_prefix: String::new() }
    }

    /// Where a broker serves its API that was told nothing.
    fn default_port() -> Self {
        let place = Place::Tcp { host: "127.0.0.1".to_owned(), port: HTTP_PORT, tls: None };
        Self { place, login: Some(guest()), path_prefix: String::new() }
    }

    /// `http://user:password@host:port/prefix`; guest where no user is named.
    pub fn of_url(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        let tls = match url.scheme() {
            "http" => None,
            "https" => Some(Trust::default()),
            other => {
                return Err(format!("`{other}` is not spoken here: the URL starts with http:// or https://"));
            }
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("the URL names no host")?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let of_scheme = if tls.is_some() { HTTP_PORT - 1 } else { HTTP_PORT };
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = match (url.username(), url.password()) {
            ("", None) => guest(),
            (user, password) => (decode(user), decode(password.unwrap_or_default())),
        };
        // The URL of the standard port has none, and is not meant: 80 is not where brokers listen.
        let port = url.port().unwrap_or(of_scheme);
        let path = url.path().trim_end_matches('/');
        let path_prefix = path.strip_suffix("/api").unwrap_or(path).to_owned();
        Ok(Self { place: Place::Tcp { host, port, tls }, login: Some(login), path_prefix })
    }

    /// For the header `host`.
    pub fn host(&self) -> String {
        match &self.place {
            Place::Socket(_) => "localhost".to_owned(),
            Place::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Place::Tcp { host, port, .. } => format!("{host}:{port}"),
        }
    }

    /// For the header `authorization`.
    pub fn authorization(&self) -> Option<String> {
        let (user, password) = self.login.as_ref()?;
        Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
    }

    /// In front of every path.
    pub fn prefix(&self) -> &str {
        &self.path_prefix
    }
}

fn guest() -> (String, String) {
    ("guest".to_owned(), "guest".to_owned())
}

fn socket_in(data_dir: &Path) -> PathBuf {
    data_dir.join("leveret.sock")
}

/// The one broker there. A directory that others can write to is refused: they could pretend to be one.
fn of_runtime(directory: &Path) -> Result<Option<Address>, Failure> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Ok(None) };
    let paths = entries.flatten().map(|entry| entry.path());
    let mut alive: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "sock"))
        .filter(|path| answers(path))
        .collect();
    alive.sort();
    if !alive.is_empty() {
        check_ours(directory).map_err(|error| {
            let text = format!(
                "whoever answers there may not be a broker: {error}; name one with --socket or --url"
            );
            Failure::error(Exit::Unavailable, text)
        })?;
    }
    match alive.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(Address::socket(one))),
        several => {
            let list: Vec<String> =
                several.iter().map(|path| format!("  --socket {}", path.display())).collect();
            let text = format!("several brokers run here; say which one:\n{}", list.join("\n"));
            Err(Failure::error(Exit::Usage, text))
        }
    }
}

fn answers(path: &Path) -> bool {
    UnixStream::connect(path).is_ok()
}

/// Never the password.
impl fmt::Display for Address {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Socket(path) => write!(to, "{}", path.display()),
            Place::Tcp { tls, .. } => {
                let scheme = if tls.is_some() { "https" } else { "http" };
                write!(to, "{scheme}://{}{}", self.host(), self.path_prefix)
            }
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Address({self}, user {:?})", self.login.as_ref().map(|(user, _)| user))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn environment(of: &[(&str, &Path)]) -> Environment {
        Environment::of(of.iter().map(|(name, path)| ((*name).to_owned(), path.display().to_string())))
    }

    fn found(wanted: &Wanted, environment: &Environment) -> String {
        wanted.find(environment).unwrap().to_string()
    }

    #[test]
    fn a_url_says_all_and_guest_is_who_is_not_named() {
        let address = Address::of_url("https://a%40b:c%2Fd@host/prefix/api/").unwrap();
        assert_eq!(address.to_string(), "https://host:15671/prefix");
        assert_eq!(address.login, Some(("a@b".to_owned(), "c/d".to_owned())));
        assert_eq!(Address::of_url("http://[::1]:1").unwrap().host(), "[::1]:1");
        assert_eq!(Address::of_url("http://host").unwrap().login, Some(guest()));
        assert!(Address::of_url("amqp://host").unwrap_err().contains("amqp"));
        assert!(!format!("{address:?}").contains("c/d"));
    }

    #[test]
    fn a_socket_that_answers_is_found_and_one_left_behind_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let (data, runtime) = (directory.path().join("data"), directory.path().join("run"));
        std::fs::create_dir_all(&data).unwrap();
        std::fs::create_dir_all(runtime.join("leveret")).unwrap();
        let wanted = Wanted::default();
        let [gone, ephemeral] = ["1.sock", "5672.sock"].map(|name| runtime.join("leveret").join(name));
        drop(UnixListener::bind(&gone).unwrap());
        let _ephemeral = UnixListener::bind(&ephemeral).unwrap();
        assert_eq!(of_runtime(&runtime.join("leveret")).unwrap(), Some(Address::socket(&ephemeral)));
        let told = environment(&[("LEVERET_DATA_DIR", &data), ("XDG_RUNTIME_DIR", &runtime)]);
        let expected = data.join("leveret.sock").display().to_string();
        assert_eq!(found(&wanted, &told), expected, "the one that is named, though nobody answers");
        let base = environment(&[("RABBITMQ_MNESIA_BASE", &data), ("XDG_RUNTIME_DIR", &runtime)]);
        let expected = data.join("leveret/leveret.sock").display().to_string();
        assert_eq!(found(&wanted, &base), expected, "where the broker of this environment has it");
    }

    #[test]
    fn sockets_in_a_directory_that_is_not_ours_are_nobodys() {
        let directory = tempfile::tempdir().unwrap();
        let _one = UnixListener::bind(directory.path().join("1.sock")).unwrap();
        assert!(of_runtime(directory.path()).unwrap().is_some());
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
        let refused = of_runtime(directory.path()).unwrap_err();
        assert!(refused.text().contains("can be written to by others"), "{refused:?}");
        assert!(of_runtime(&directory.path().join("nothing")).unwrap().is_none());
    }

    #[test]
    fn of_several_ephemeral_brokers_one_must_be_named() {
        let directory = tempfile::tempdir().unwrap();
        let sockets = directory.path().join("leveret");
        std::fs::create_dir_all(&sockets).unwrap();
        let _one = UnixListener::bind(sockets.join("1.sock")).unwrap();
        let _other = UnixListener::bind(sockets.join("2.sock")).unwrap();
        let failure = of_runtime(&sockets).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.text().contains("1.sock") && failure.text().contains("2.sock"), "{failure:?}");
    }

    #[test]
    fn what_was_said_outright_wins_over_what_is_there() {
        let environment = environment(&[("LEVERET_SOCKET", Path::new("/e.sock"))]);
        assert_eq!(found(&Wanted::default(), &environment), "/e.sock");
        let data_dir = Wanted { data_dir: Some("/d".into()), ..Wanted::default() };
        assert_eq!(found(&data_dir, &Environment::default()), "/d/leveret.sock");
        let socket = Wanted { socket: Some("/s".into()), ..Wanted::default() };
        assert_eq!(found(&socket, &environment), "/s");
    }
}
