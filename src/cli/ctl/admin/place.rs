//! Which broker `rabbitmqadmin` speaks to: options, then a section of its configuration file, then what is found.
//!
//! The file is the script's (sections with `hostname = h`) or its successor's (TOML, quoted values): a line
//! `key = value` is read alike.

use std::path::PathBuf;
use std::time::Duration;

use super::super::address::{Address, Place, Wanted};
use super::super::call::PATIENCE;
use super::super::client::Client;
use super::super::exit::{Exit, Failure};
use super::super::trust::Trust;
use super::super::words::Words;
use crate::config::Environment;

/// What the options, the environment and the file say, the first that speaks wins.
pub struct Said<'a> {
    words: &'a Words,
    environment: Environment,
    file: Vec<(String, String)>,
}

impl<'a> Said<'a> {
    /// Reads the file, if there is one.
    pub fn of(words: &'a Words) -> Result<Self, Failure> {
        let environment = Environment::of_process();
        let file = section(words, &environment)?;
        Ok(Self { words, environment, file })
    }

    /// By an option's name, the variable's name behind `RABBITMQADMIN_`, and the file's names.
    fn value(&self, option: &str, variable: &str, keys: &[&str]) -> Option<String> {
        let of_file =
            || self.file.iter().find(|(key, _)| keys.contains(&key.as_str())).map(|(_, value)| value.clone());
        let given = self.words.value(option).map(str::to_owned);
        given.or_else(|| self.environment.variable(&format!("RABBITMQADMIN_{variable}"))).or_else(of_file)
    }

    /// The virtual host, if one was said.
    pub fn vhost(&self) -> Option<String> {
        self.value("vhost", "TARGET_VHOST", &["vhost"])
    }

    /// The virtual host of objects that are made.
    pub fn vhost_of_objects(&self) -> String {
        let of_file =
            self.file.iter().find(|(key, _)| key == "declare_vhost").map(|(_, value)| value.clone());
        self.vhost().or(of_file).unwrap_or_else(|| "/".to_owned())
    }

    /// A client of the broker.
    pub fn client(&self) -> Result<Client, Failure> {
        let seconds = self.words.value("timeout").or_else(|| self.words.value("request-timeout"));
        let patience = seconds.and_then(|seconds| seconds.parse().ok()).map_or(PATIENCE, Duration::from_secs);
        Ok(Client::new(self.address()?, patience))
    }

    fn address(&self) -> Result<Address, Failure> {
        let mut address = match self.value("base-uri", "BASE_URI", &["base_uri"]) {
            Some(uri) => {
                Address::of_url(&uri).map_err(|problem| Failure::usage(format!("--base-uri: {problem}")))?
            }
            None => self.pieces()?,
        };
        if let Some(prefix) = self.value("path-prefix", "API_PATH_PREFIX", &["path_prefix"]) {
            let prefix = prefix.trim_end_matches('/');
            prefix.strip_suffix("/api").unwrap_or(prefix).clone_into(&mut address.path_prefix);
        }
        let user = self.value("username", "USERNAME", &["username"]);
        let password = self.value("password", "PASSWORD", &["password"]);
        if user.is_some() || password.is_some() {
            let guest = || "guest".to_owned();
            address.login = Some((user.unwrap_or_else(guest), password.unwrap_or_else(guest)));
        }
        Ok(address)
    }

    /// Host, port and TLS; a place that nothing was said of is looked for.
    fn pieces(&self) -> Result<Address, Failure> {
        let host = self.value("host", "TARGET_HOST", &["hostname"]);
        let port = self.value("port", "TARGET_PORT", &["port"]);
        let tls = self.words.has("ssl")
            || self.words.has("use-tls")
            || self
                .value("", "USE_TLS", &["ssl", "tls", "use_tls"])
                .is_some_and(|on| on.eq_ignore_ascii_case("true"));
        if host.is_none() && port.is_none() && !tls {
            return Wanted::default().find(&self.environment);
        }
        let default = if tls { "15671" } else { "15672" };
        let port = port.unwrap_or_else(|| default.to_owned());
        let port = port.parse().map_err(|_| Failure::usage(format!("port '{port}' is not a port")))?;
        let place = Place::Tcp {
            host: host.unwrap_or_else(|| "localhost".to_owned()),
            port,
            tls: tls.then(|| self.trust()),
        };
        let guest = Some(("guest".to_owned(), "guest".to_owned()));
        Ok(Address { place, login: guest, path_prefix: String::new() })
    }

    fn trust(&self) -> Trust {
        let file = |names: [&str; 2]| names.iter().find_map(|name| self.words.value(name)).map(PathBuf::from);
        let certificate = file(["ssl-cert-file", "tls-cert-file"]);
        let key = file(["ssl-key-file", "tls-key-file"]);
        Trust {
            authorities: file(["ssl-ca-cert-file", "tls-ca-cert-file"]),
            identity: certificate.zip(key),
            insecure: self.words.has("insecure") || self.words.has("ssl-insecure"),
        }
    }
}

fn section(words: &Words, environment: &Environment) -> Result<Vec<(String, String)>, Failure> {
    let home = || environment.variable("HOME").map(|home| PathBuf::from(home).join(".rabbitmqadmin.conf"));
    let named = words
        .value("config")
        .map(str::to_owned)
        .or_else(|| environment.variable("RABBITMQADMIN_CONFIG_FILE_PATH"));
    let path = match &named {
        Some(path) => PathBuf::from(path),
        None => match home() {
            Some(path) => path,
            None => return Ok(Vec::new()),
        },
    };
    let Ok(text) = std::fs::read_to_string(&path) else {
        let text = format!("Could not read config file '{}'", path.display());
        return if named.is_some() { Err(Failure::error(Exit::Usage, text)) } else { Ok(Vec::new()) };
    };
    let node = words.value("node").unwrap_or("default");
    let found = keys(&text, node);
    if found.is_none() && words.has("node") {
        let text = format!("Could not read section '{node}' in config file '{}'", path.display());
        return Err(Failure::error(Exit::Usage, text));
    }
    Ok(found.unwrap_or_default())
}

/// The keys of the section `node`, or nothing if there is no such section.
fn keys(text: &str, node: &str) -> Option<Vec<(String, String)>> {
    let header = format!("[{node}]");
    let after = text.lines().skip_while(|line| line.trim() != header);
    let mut section = after.peekable();
    section.next()?;
    let section = section.take_while(|line| !line.trim_start().starts_with('['));
    let pair = |line: &str| {
        let line = line.split(" #").next().unwrap_or_default().trim();
        let (key, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        Some((key.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
    };
    Some(section.filter_map(pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_of_either_kind_of_file_is_read() {
        let text = "[a]\nhostname = h\nport=1 # note\n\n[b]\nhostname = \"quoted\"\n# port = 2\n";
        let pairs = |node| {
            let found: Vec<String> =
                keys(text, node).unwrap().into_iter().map(|(key, value)| format!("{key}:{value}")).collect();
            found.join(" ")
        };
        assert_eq!(pairs("a"), "hostname:h port:1");
        assert_eq!(pairs("b"), "hostname:quoted");
        assert_eq!(keys(text, "c"), None);
    }
}
