//! The lines of a transcript, played one after the other.

use std::time::Duration;

use leveret_core::amqp::{External, Peer};
use leveret_core::model::{Alarm, Mechanism, PasswordHash, Permissions, User};

use super::aliases::Aliases;
use super::operator;
use super::stage::{Login, Reads, Stage};
use super::words::{bytes, named, split, words};

/// What should have been heard, and what was; lines of the script itself are in both.
pub struct Played {
    pub expected: Vec<String>,
    pub actual: Vec<String>,
}

pub fn play(script: &str, reads: Reads) -> Played {
    let mut stage = Stage::new(reads);
    let mut aliases = Aliases::default();
    let mut played = Played { expected: Vec::new(), actual: Vec::new() };
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(heard) = heard(line) {
            played.expected.push(heard);
            continue;
        }
        let _at = At(line);
        act(&mut stage, &aliases.replace_with_real(line));
        played.expected.push(line.to_owned());
        played.actual.push(line.to_owned());
        played.actual.extend(stage.take_heard().iter().map(|line| aliases.replace_real(line)));
    }
    assert!(stage.is_quiet(), "something was sent in part");
    played
}

/// Names the line of the script if it is the script that is wrong.
struct At<'a>(&'a str);

impl Drop for At<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the line: {}", self.0);
        }
    }
}

/// `a.1   < text`: something that should be heard, with its spaces before the text evened out.
fn heard(line: &str) -> Option<String> {
    let (who, text) = line.split_once('<')?;
    let who = who.trim();
    (!who.contains(' ') && !who.is_empty()).then(|| format!("{who} < {}", text.trim()))
}

fn act(stage: &mut Stage, line: &str) {
    if let Some(time) = line.strip_prefix('+') {
        return stage.wait(duration(time));
    }
    let said = words(line);
    let texts: Vec<String> =
        said.iter().map(|word| String::from_utf8(bytes(word)).unwrap_or_default()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    if operator::act(stage, &texts) {
        return;
    }
    match (texts.as_slice(), said.as_slice()) {
        (_, ["settings", settings @ ..]) => settings.iter().for_each(|setting| set(stage, setting)),
        (["events", "on"], _) => stage.settings.event_vhost = Some("/".to_owned()),
        (["vhost", name], _) => stage.administer(|broker, _, _| drop(broker.add_vhost(name))),
        (["user", name, password, tags @ ..], _) => {
            let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            let user = User::new(name, PasswordHash::of(password, [1, 2, 3, 4]), tags);
            stage.administer(|broker, _, _| broker.put_user(user));
        }
        (["grant", user, vhost, configure, write, read], _) => {
            let permissions = Permissions::new(configure, write, read);
            stage.administer(|broker, _, _| {
                assert!(broker.set_permissions(user, vhost, permissions), "there is no user {user}");
            });
        }
        (["alarm", alarm, on], _) => {
            let alarm = if *alarm == "memory" { Alarm::Memory } else { Alarm::Disk };
            stage.set_alarm(alarm, *on == "on");
        }
        (["log", "has", messages, "messages", "in", pages, "pages"], _) => {
            let (messages, pages) = (messages.parse().unwrap(), pages.parse().unwrap());
            assert_eq!(
                stage.store.left(),
                (messages, pages),
                "what is left in the log, and in how many pages"
            );
        }
        (["log", how @ ..], _) => stage.set_log(how),
        (["definitions", "shown"], _) => stage.store.show_definitions(),
        (["pages", how] | [how @ "page", "comes" | "is", ..] | [how @ "last", "page", "comes"], _) => {
            stage.set_pages(if texts.contains(&"lost") { "lost" } else { how });
        }
        ([name, "is", "accepted", how @ ..], _) => stage.accept(name, peer(name, how)),
        ([name, "connects", ..], [_, _, options @ ..]) => stage.connect(name, &login(options)),
        ([name, "is", "lost"], _) => stage.lose(name),
        ([name, "stalls"], _) => stage.stall(name, true),
        ([name, "resumes"], _) => stage.stall(name, false),
        ([name, "is", "shut", "down", reason], _) => stage.shut_down(name, reason),
        (_, [who, how @ (">" | ">>"), ..]) => {
            let (name, channel) =
                who.split_once('.').map_or((*who, 0), |(name, channel)| (name, channel.parse().unwrap()));
            let (_, commands) = line.split_once(how).unwrap();
            let commands: Vec<String> =
                split(commands, ';').iter().map(|one| one.trim().to_owned()).collect();
            stage.say(name, channel, &commands, *how == ">");
        }
        _ => panic!("what does this line mean? {line}"),
    }
}

/// Who is accepted: `[from afar] [over tls [as USER]]`.
fn peer(name: &str, how: &[&str]) -> Peer {
    let (how, loopback) = match how {
        ["from", "afar", how @ ..] => (how, false),
        how => (how, true),
    };
    let external = match how {
        [] => External::NoTls,
        ["over", "tls"] => External::Unnamed("no certificate"),
        ["over", "tls", "as", user] => External::User((*user).to_owned()),
        _ => panic!("how is {name} accepted? {how:?}"),
    };
    Peer { address: name.into(), loopback, external }
}

fn duration(text: &str) -> Duration {
    let at = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..at].parse().unwrap();
    match &text[at..] {
        "us" => Duration::from_micros(number),
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        other => panic!("{other:?} is no unit of time (us, ms, s)"),
    }
}

fn set(stage: &mut Stage, setting: &str) {
    let (key, value) = named(setting).expect("settings are written key=value");
    if key == "budget" {
        return stage.store.set_budget(value.parse().unwrap());
    }
    let settings = &mut stage.settings;
    match key {
        "heartbeat" => settings.heartbeat_secs = value.parse().unwrap(),
        "channel-max" => settings.channel_max = value.parse().unwrap(),
        "frame-max" => settings.frame_max_bytes = value.parse().unwrap(),
        "consumer-timeout" => settings.consumer_timeout = Some(duration(value)),
        "message-max" => settings.message_max_bytes = value.parse().unwrap(),
        "mechanisms" => {
            settings.mechanisms = value.split(',').map(|name| Mechanism::named(name).unwrap()).collect();
        }
        "anonymous" => {
            settings.anonymous_login = (value != "none").then(|| (value.to_owned(), "pw".to_owned()));
        }
        _ => panic!("there is no setting {key}"),
    }
}

fn login(options: &[&str]) -> Login {
    let mut login = Login::default();
    for option in options {
        let (key, value) = named(option).expect("options are written key=value");
        let value = || String::from_utf8(bytes(value)).unwrap();
        match key {
            "user" => login.user = value(),
            "password" => login.password = value(),
            "vhost" => login.vhost = value(),
            "from" => login.loopback = value() != "afar",
            "without" => login.without.push(value()),
            _ => login.tune.extend([" ", *option]),
        }
    }
    login
}
