//! What this broker makes of a configuration file, line by line: the same table and the same reader as at a start.

use std::path::Path;

use super::known::{self, Effect, Verdict};
use super::{Environment, Given, Origin, Plan, Weight, file, options};

/// One entry of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1.
    pub number: usize,
    /// The key.
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
pub fn review(text: &str, environment: &Environment) -> Result<Vec<Line>, file::SyntaxError> {
    // What is not set here may be set where the file is for: it stays as it is written.
    let variable = |name: &str| environment.variable(name).unwrap_or_else(|| format!("$({name})"));
    let entries = file::parse(text, |name| Some(variable(name)))?;
    let given: Vec<Given> = entries
        .into_iter()
        .map(|entry| Given {
            part: entry.parts().pop().unwrap_or_default(),
            name: entry.key,
            value: entry.value,
            origin: Origin::Line(Path::new("").to_owned(), entry.line),
        })
        .collect();
    let mut lines: Vec<Line> = given.iter().filter_map(line).collect();
    set_all(&given, &mut lines);
    Ok(lines)
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
fn set_all(given: &[Given], lines: &mut [Line]) {
    let mut plan = Plan::new(&Environment::default());
    for setting in options::settings() {
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
        let lines = review(text, &Environment::default()).unwrap();
        let standings: Vec<_> = lines.iter().map(|line| (line.number, line.standing)).collect();
        let expected = [Served, Refused, Differs, Inert, Unknown, Refused, Differs, Inert, Served];
        assert_eq!(standings, (1..).zip(expected).collect::<Vec<_>>());
        assert!(lines.iter().all(|line| line.why.is_empty() == (line.standing == Served)), "{lines:?}");
        assert_eq!(review("heartbeat", &Environment::default()).unwrap_err().line, 1);
    }
}
