//! `leveret perf` as a process: what load it is asked for, and what its report says.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::Outcome;
use crate::figure::{Figure, Figures, PERCENTILES};
use crate::process::processor_seconds;
use crate::server::{Cores, Programs, pinned};

/// What is put under a load.
#[derive(Clone, Debug)]
pub struct Served {
    pub url: String,
    /// Of the process that serves, where it is ours to look at.
    pub pid: Option<u32>,
    /// Whether every queue is declared durable: RabbitMQ 4.3 refuses transient ones that are not exclusive.
    pub durable: bool,
}

/// A mode of `leveret perf` with its options, and how long it lasts.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// As one would type them; `PID` stands for the broker's.
    pub words: &'a str,
    pub warmup: Duration,
    pub window: Duration,
    pub cores: Cores,
}

impl Load<'_> {
    /// Runs it to its end, and says what it came to.
    pub fn run(&self, programs: &Programs, served: &Served) -> Outcome<Figures> {
        let spent = || served.pid.map(processor_seconds).transpose();
        let before = spent()?;
        let report = ended(self.words, self.start(programs, served)?)?;
        let spent = spent()?.zip(before).map(|(after, before)| after - before);
        figures(&report, spent)
    }

    /// Starts it, to be waited for or killed.
    pub fn start(&self, programs: &Programs, served: &Served) -> Outcome<Child> {
        let mut command = Command::new(&programs.generator);
        command.arg("perf").args(self.arguments(served));
        pinned(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()), self.cores)
    }

    fn arguments(&self, served: &Served) -> Vec<String> {
        let pid = served.pid.map(|pid| pid.to_string()).unwrap_or_default();
        let word = |word: &str| if word == "PID" { pid.clone() } else { word.to_owned() };
        let mut arguments: Vec<String> = self.words.split_whitespace().map(word).collect();
        arguments.extend(["--json".to_owned(), "--url".to_owned(), served.url.clone()]);
        let mode = self.words.split_whitespace().next().filter(|word| !word.starts_with("--"));
        if !matches!(mode, Some("count" | "backlog")) {
            arguments.extend(["--seconds".to_owned(), self.window.as_secs_f64().to_string()]);
        }
        let is_load = matches!(mode, None | Some("throughput" | "latency"));
        if is_load {
            arguments.extend(["--warmup".to_owned(), self.warmup.as_secs_f64().to_string()]);
        }
        if is_load && served.durable && !self.words.contains("--durable") {
            arguments.push("--durable".to_owned());
        }
        arguments
    }
}

/// Waits for a load's end: its report, or what it says is wrong.
pub fn ended(words: &str, load: Child) -> Outcome<Vec<u8>> {
    let output = load.wait_with_output()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("leveret perf {words}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

/// What a report says, in the kinds that we know; and the broker's processor time, shared out among all messages.
fn figures(report: &[u8], spent: Option<f64>) -> Outcome<Figures> {
    let report: Value = serde_json::from_slice(report)?;
    let number = |name: &str| report.get(name).and_then(Value::as_f64);
    if let Some(unsent) = number("unsent").filter(|unsent| 0.0 < *unsent) {
        return Err(
            format!("{unsent} messages were due and not sent: there is no figure without them").into()
        );
    }
    let mut figures = Figures::new();
    // Where nobody consumes, a message counts when it is confirmed.
    let counted =
        ["received", "confirmed"].into_iter().find(|name| number(name).is_some_and(|all| 0.0 < all));
    if let Some(name) = counted {
        figures.extend(number(&format!("{name}_per_second")).map(|rate| (Figure::Rate, rate)));
        let each = spent.zip(number(name)).map(|(seconds, messages)| seconds * 1e6 / messages);
        figures.extend(each.map(|each| (Figure::ProcessorPerMessage, each)));
    }
    figures.extend(number("cycles_per_second").map(|rate| (Figure::Cycles, rate)));
    figures.extend(number("bytes_each").map(|bytes| (Figure::BytesEach, bytes)));
    if let Some(latency) = report.get("latency_us") {
        let value = |figure: Figure| latency.get(figure.name()).and_then(Value::as_f64);
        figures.extend(PERCENTILES.iter().filter_map(|figure| Some((*figure, value(*figure)?))));
    }
    if figures.is_empty() { Err("a report without a figure".into()) } else { Ok(figures) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(words: &str) -> Load<'_> {
        Load { words, warmup: Duration::from_secs(1), window: Duration::from_millis(2500), cores: &[] }
    }

    fn served() -> Served {
        Served { url: "amqp://a".to_owned(), pid: Some(7), durable: true }
    }

    #[test]
    fn a_report_of_throughput_is_read() {
        let report = br#"{"mode":"throughput","sent":400,"received":200,"confirmed":300,"received_per_second":100.5,"confirmed_per_second":150.0}"#;
        let figures = figures(report, Some(0.001)).unwrap();
        assert_eq!(
            figures.into_iter().collect::<Vec<_>>(),
            [(Figure::Rate, 100.5), (Figure::ProcessorPerMessage, 5.0)]
        );
    }

    #[test]
    fn confirms_count_where_nobody_consumes() {
        let report =
            br#"{"received":0,"confirmed":300,"received_per_second":0.0,"confirmed_per_second":150.0}"#;
        assert_eq!(figures(report, None).unwrap().get(&Figure::Rate), Some(&150.0));
    }

    #[test]
    fn a_report_of_latency_has_its_percentiles() {
        let report = br#"{"mode":"latency","received":10,"received_per_second":5.0,"latency_us":{"count":10,"p50":30.0,"p99":70.5,"p99_9":90.0}}"#;
        let figures = figures(report, None).unwrap();
        let of = |figure| figures.get(&figure).copied();
        assert_eq!(
            (of(Figure::P50), of(Figure::P99), of(Figure::P999)),
            (Some(30.0), Some(70.5), Some(90.0))
        );
        assert_eq!(of(Figure::Worst), None);
    }

    #[test]
    fn reports_of_churn_and_of_counts_are_read() {
        let churn = figures(br#"{"mode":"churn","cycles":9,"cycles_per_second":4.5}"#, Some(1.0)).unwrap();
        assert_eq!(churn.into_iter().collect::<Vec<_>>(), [(Figure::Cycles, 4.5)]);
        let count = figures(br#"{"mode":"count","connections":9,"bytes_each":812.5}"#, None).unwrap();
        assert_eq!(count.into_iter().collect::<Vec<_>>(), [(Figure::BytesEach, 812.5)]);
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        assert!(figures(b"sent 5 /s", None).is_err());
        assert!(figures(br#"{"received":9,"received_per_second":9.0,"unsent":1}"#, None).is_err());
        assert!(figures(b"{\"received\": 0}", None).is_err());
    }

    #[test]
    fn a_load_is_told_how_long_and_where() {
        assert_eq!(
            load("--size 16").arguments(&served()),
            ["--size", "16", "--json", "--url", "amqp://a", "--seconds", "2.5", "--warmup", "1", "--durable"]
        );
        assert_eq!(
            load("churn --what publish").arguments(&served()),
            ["churn", "--what", "publish", "--json", "--url", "amqp://a", "--seconds", "2.5"]
        );
        assert_eq!(
            load("count --queues 9 --broker-pid PID").arguments(&served()),
            ["count", "--queues", "9", "--broker-pid", "7", "--json", "--url", "amqp://a"]
        );
    }
}
