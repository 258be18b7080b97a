//! What this broker makes of a configuration file, line by line: the same table and the same reader as at a start.
//!
//! Files that a line names are looked for as well, as a start would open them.

use std::fs::File;
use std::path::Path;

use super::http::Listeners;
use super::known::{self, Effect, Verdict};
use super::node::DEFINITIONS;
use super::{Environment, Given, Origin, Plan, Weight, file, given_in, options};

/// One entry of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1.
    pub number: usize,
    /// The key; none where the line is no entry.
    pub key: String,
    /// What it is to this broker.
    pub standing: Standing,
    /// Why, where there is something to say.
    pub why: String,
}

/// What an entry is to this broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does what it says.
    Served,
    /// It changes nothing, and nobody will miss it.
    Inert,
    /// It has no effect, or another one than in RabbitMQ.
    Differs,
    /// Nobody knows the key.
    Unknown,
    /// The broker would not start.
    Refused,
}

/// Reads `text` as a configuration file and says of each entry what it is.
pub fn review(text: &str, environment: &Environment) -> Vec<Line> {
    // What is not set here may be set where the file is for: it stays as it is written.
    let variable = |name: &str| environment.variable(name).unwrap_or_else(|| format!("$({name})"));
    let (entries, errors) = file::parse(text, |name| Some(variable(name)));
    let given = given_in(Path::new(""), entries);
    let mut lines: Vec<Line> = given.iter().filter_map(line).collect();
    let standings: Vec<Standing> = lines.iter().map(|line| line.standing).collect();
    let served = given.into_iter().zip(standings).filter(|(_, standing)| *standing == Standing::Served);
    let served: Vec<Given> = served.map(|(given, _)| given).collect();
    let plan = set_all(&served, &mut lines);
    for given in &served {
        if let Some(why) = unreadable(given) {
            let standing = if opens(&plan, &given.name) { Standing::Refused } else { Standing::Differs };
            mark(&mut lines, given, standing, why);
        }
    }
    let malformed = errors.into_iter().map(|error| Line {
        number: error.line,
        key: String::new(),
        standing: Standing::Refused,
        why: error.text,
    });
    lines.extend(malformed);
    lines.sort_by_key(|line| line.number);
    lines
}

/// Why the file that a line names cannot be read here, if it names one.
fn unreadable(given: &Given) -> Option<String> {
    let is_file = is_of_tls(&given.name) || DEFINITIONS.contains(&given.name.as_str());
    // What is filled in elsewhere is looked for there.
    let path = Some(&given.value).filter(|path| is_file && !path.contains("$("))?;
    File::open(path).err().map(|error| format!("cannot read {path} here: {error}"))
}

fn is_of_tls(key: &str) -> bool {
    [".certfile", ".keyfile", ".cacertfile"].iter().any(|part| key.ends_with(part))
}

/// Whether a start opens the file that this key names: those of TLS only where there is a listener with it.
fn opens(plan: &Plan, key: &str) -> bool {
    let listens = |listeners: &Listeners| !listeners.listen_tls.is_empty();
    // A listener for HTTP that has no certificate of its own uses that of AMQP.
    let amqp = || {
        let others = [&plan.http.listeners, &plan.metrics.listeners];
        let borrows = |listeners: &&Listeners| listeners.tls.certfile == plan.settings.tls.certfile;
        !plan.settings.listen_tls.is_empty() || others.iter().any(|other| listens(other) && borrows(other))
    };
    match key.split('.').next() {
        _ if !is_of_tls(key) => true,
        Some("management") => listens(&plan.http.listeners),
        Some("prometheus") => listens(&plan.metrics.listeners),
        _ => amqp(),
    }
}

fn line(given: &Given) -> Option<Line> {
    let Origin::Line(_, number) = given.origin else { return None };
    let (standing, why) = match known::verdict(&given.name, &given.value) {
        Verdict::Served => (Standing::Served, String::new()),
        Verdict::Inert(Effect::None(why)) => (Standing::Inert, why.to_owned()),
        Verdict::Inert(Effect::Missed(why)) => (Standing::Differs, why.to_owned()),
        Verdict::Refused(why) => (Standing::Refused, why.to_owned()),
        Verdict::Unknown(near) => (Standing::Unknown, known::unknown(near)),
    };
    Some(Line { number, key: given.name.clone(), standing, why })
}

/// Sets every option as a start would, to hear what it has to say of its values.
fn set_all(given: &[Given], lines: &mut [Line]) -> Plan {
    let mut plan = Plan::new(&Environment::default());
    for setting in options::in_order() {
        let own = setting.given_by(given);
        let noted = plan.notes.len();
        let refused = if own.is_empty() { Ok(()) } else { (setting.set)(&mut plan, &own) };
        if let Err(refused) = refused
            && let Some(culprit) = own.get(refused.at)
        {
            mark(lines, culprit, Standing::Refused, refused.text);
        }
        for note in plan.notes.iter().skip(noted) {
            // A note begins with the place that it is about.
            let about =
                own.iter().find_map(|given| Some((given, note.text.strip_prefix(&format!("{given}: "))?)));
            if let Some((given, why)) = about {
                let standing = if note.weight == Weight::Info { Standing::Inert } else { Standing::Differs };
                mark(lines, given, standing, why.to_owned());
            }
        }
    }
    super::http::fill_in(&mut plan);
    plan
}

fn mark(lines: &mut [Line], given: &Given, standing: Standing, why: String) {
    let Origin::Line(_, number) = given.origin else { return };
    if let Some(line) = lines.iter_mut().find(|line| line.number == number) {
        line.standing = standing;
        line.why = why;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Standing::{Differs, Inert, Refused, Served, Unknown};

    #[test]
    fn every_line_is_what_a_start_would_make_of_it() {
        let text = "heartbeat = 30
heartbeat = often
mqtt.vhost = /
num_acceptors.tcp = 3
hertbeat = 1
ssl_options.password = x
auth_backends.1 = ldap
ssl_options.honor_ecc_order = true
default_pass = $(NOT_SET_HERE)
";
        let lines = review(text, &Environment::default());
        let standings: Vec<_> = lines.iter().map(|line| (line.number, line.standing)).collect();
        let expected = [Served, Refused, Differs, Inert, Unknown, Refused, Differs, Inert, Served];
        assert_eq!(standings, (1..).zip(expected).collect::<Vec<_>>());
        assert!(lines.iter().all(|line| line.why.is_empty() == (line.standing == Served)), "{lines:?}");
    }

    fn told(text: &str) -> Vec<(usize, Standing)> {
        review(text, &Environment::default()).iter().map(|line| (line.number, line.standing)).collect()
    }

    #[test]
    fn a_file_that_is_no_entry_somewhere_is_told_whole() {
        let lines = review("heartbeat = 1\nwhat\nhertbeat = 1", &Environment::default());
        let standings: Vec<_> = lines.iter().map(|line| line.standing).collect();
        assert_eq!(standings, [Served, Refused, Unknown]);
        assert_eq!(lines[1].why, "expected `key = value`, found `what`");
    }

    #[test]
    fn listeners_with_tls_alone_are_served_in_any_order() {
        let here = tempfile::NamedTempFile::new().unwrap();
        let lines = [
            "listeners.tcp = none",
            "listeners.ssl.default = 5671",
            &format!("ssl_options.certfile = {}", here.path().display()),
        ];
        for at in 0..lines.len() {
            let mut lines = lines;
            lines.rotate_left(at);
            assert_eq!(told(&lines.join("\n")), [(1, Served), (2, Served), (3, Served)], "{lines:?}");
        }
        assert_eq!(told("listeners.tcp = none"), [(1, Refused)]);
    }

    #[test]
    fn files_that_are_not_there_are_refused_where_a_start_opens_them() {
        assert_eq!(told("load_definitions = /nope.json"), [(1, Refused)]);
        assert_eq!(told("load_definitions = $(NOWHERE)/nope.json"), [(1, Served)]);
        for (key, listener) in [
            ("ssl_options.certfile", "listeners.ssl.default = 1"),
            ("ssl_options.keyfile", "management.ssl.port = 1"),
            ("prometheus.ssl.keyfile", "prometheus.ssl.port = 1"),
        ] {
            let line = format!("{key} = /nope.pem");
            assert_eq!(told(&line), [(1, Differs)], "{key}");
            assert_eq!(told(&format!("{line}\n{listener}")), [(1, Refused), (2, Served)], "{key}");
        }
        assert_eq!(told("management.ssl.certfile = /nope.pem"), [(1, Refused)]);
    }

    #[test]
    fn what_is_no_pattern_and_what_is_encrypted_is_refused() {
        assert_eq!(told("default_permissions.write = ["), [(1, Refused)]);
        assert_eq!(told("default_pass = encrypted:c2VjcmV0"), [(1, Refused)]);
    }
}
