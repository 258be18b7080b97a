//! One run of all commands against one broker.
//!
//! Every command has its limit. What a command needs of the broker (its node's name, the name of a connection) is
//! taken from the answers before it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use fancy_regex::Regex;

use super::commands::{Part, Step};
use super::neutral::{NODE, Neutral, OURS};
use super::transcript::Transcript;
use crate::process::{self, Process};

const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// A broker tells of a connection a few seconds after it was made.
const NEWS_LIMIT: Duration = Duration::from_secs(20);

/// Where a broker is.
pub struct Place {
    /// Of AMQP.
    pub amqp: SocketAddr,
    /// Of the HTTP API.
    pub http: SocketAddr,
}

/// A tool, a broker, and what has been learnt so far.
pub struct Session<'a> {
    /// The program and the words that come first, before those that say where the broker is.
    pub tool: &'a [String],
    /// Python with pika, for the client.
    pub python: PathBuf,
    /// The suite's folder.
    pub folder: PathBuf,
    /// Files are written here.
    pub scratch: PathBuf,
    /// The broker.
    pub place: Place,
    /// What goes into commands, between braces.
    pub known: BTreeMap<&'static str, String>,
    /// The client that is connected.
    pub client: Option<(Process, BufReader<PipeReader>)>,
}

impl Session<'_> {
    /// All answers, made neutral; what was waited for in vain is an answer, too.
    pub fn run(&mut self, steps: &[Step]) -> Result<Transcript, String> {
        let neutral = Neutral::new()?;
        self.known.insert("{amqp_port}", self.place.amqp.port().to_string());
        let mut transcript = Transcript::default();
        for step in steps {
            self.take(step, &neutral, &mut transcript)?;
        }
        Ok(transcript)
    }

    fn take(&mut self, step: &Step, neutral: &Neutral, transcript: &mut Transcript) -> Result<(), String> {
        let (line, answer) = match step {
            Step::Say { line, words, part } => (line, neutral.answer(&self.say(words)?, *part)),
            Step::Client { line, words } => (line, self.connect(words)?),
            Step::Gone { line } => (line, self.gone()),
            Step::Until { line, text, words } => (line, self.until(text, words, neutral)?),
        };
        transcript.0.push((line.clone(), answer));
        Ok(())
    }

    fn say(&mut self, words: &[String]) -> Result<String, String> {
        let (program, first) = self.tool.split_first().ok_or("no tool")?;
        let mut command = Command::new(program);
        command.args(first).current_dir(&self.scratch).env("HOME", &self.scratch);
        command.args(["-H", "127.0.0.1", "-P", &self.place.http.port().to_string()]);
        if !words.iter().any(|word| word == "-u") {
            command.args(["-u", "guest", "-p", "guest"]);
        }
        command.args(words.iter().map(|word| self.filled(word)));
        let finished = process::run(command, COMMAND_LIMIT).map_err(|error| format!("{program}: {error}"))?;
        self.learn(&finished.output)?;
        match finished.status.map(|status| status.code()) {
            Some(Some(0)) => Ok(finished.output),
            Some(Some(code)) => Ok(format!("{}\n[exit {code}]\n", finished.output.trim_end())),
            Some(None) => Err(format!("{words:?}: a signal ended it")),
            None => Err(format!("{words:?} took longer than {} s", COMMAND_LIMIT.as_secs())),
        }
    }

    fn filled(&self, word: &str) -> String {
        self.known.iter().fold(word.to_owned(), |word, (name, value)| word.replace(name, value))
    }

    /// Names in an answer that later commands need.
    fn learn(&mut self, answer: &str) -> Result<(), String> {
        for (name, pattern) in [("{node}", NODE), ("{connection}", r"127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+")] {
            let regex = Regex::new(pattern).map_err(|wrong| wrong.to_string())?;
            if let Ok(Some(found)) = regex.find(answer) {
                self.known.insert(name, found.as_str().to_owned());
            }
        }
        Ok(())
    }

    fn until(&mut self, text: &str, words: &[String], neutral: &Neutral) -> Result<String, String> {
        let started = Instant::now();
        while started.elapsed() < NEWS_LIMIT {
            let answer = neutral.answer(&self.say(words)?, Part::Ours);
            if answer.lines().any(|line| line.contains(OURS) && line.contains(text)) {
                return Ok("told\n".to_owned());
            }
        }
        Ok(format!("not told within {} s\n", NEWS_LIMIT.as_secs()))
    }

    fn connect(&mut self, words: &[String]) -> Result<String, String> {
        let [user, password, vhost, queue] = words else { return Err(format!("@client {words:?}")) };
        let mut command = Command::new(&self.python);
        command.arg(self.folder.join("client.py"));
        command.arg(format!("amqp://{user}:{password}@{}/{vhost}", self.place.amqp)).arg(queue);
        let (process, pipe) = Process::spawn(command).map_err(|error| error.to_string())?;
        let mut pipe = BufReader::new(pipe);
        let mut line = String::new();
        pipe.read_line(&mut line).map_err(|error| error.to_string())?;
        self.client = Some((process, pipe));
        Ok(line)
    }

    fn gone(&mut self) -> String {
        let Some((process, mut pipe)) = self.client.take() else { return "no client was there\n".to_owned() };
        if process.wait(NEWS_LIMIT).is_none() {
            return "still connected\n".to_owned();
        }
        let mut last = String::new();
        match pipe.read_to_string(&mut last) {
            Ok(_) => last,
            Err(error) => format!("{error}\n"),
        }
    }
}
