//! The six tutorials, run as the programs they are, and what they print.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError},
    thread,
    time::Duration,
};

use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};

use crate::{
    broker::{Broker, with_broker},
    client::{Failure, Outcome, eventually},
};

/// How long a program may take for its next line.
const LINE_DEADLINE: Duration = Duration::from_secs(15);

/// A running example; killed when dropped, for the receivers run until then.
struct Program {
    name: &'static str,
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    fn start(broker: &Broker, name: &'static str, arguments: &[&str]) -> Outcome<Self> {
        let path = leveret_interop::profile_dir().unwrap_or_default().join("examples").join(name);
        let started = Command::new(&path)
            .args(arguments)
            .env("AMQP_URL", broker.uri().to_string())
            .stdout(Stdio::piped())
            .spawn();
        // `cargo test` builds them, but not if it was told to build this test only.
        let mut child = started.map_err(|error| {
            Failure::new(format!("{}: {error} (cargo build --examples makes it)", path.display()))
        })?;
        let (sender, lines) = mpsc::channel();
        let output = child.stdout.take();
        thread::spawn(move || {
            for line in output.into_iter().flat_map(|output| BufReader::new(output).lines()) {
                let Ok(line) = line else { break };
                if sender.send(line).is_err() {
                    break; // The test has ended.
                }
            }
        });
        Ok(Self { name, child, lines })
    }

    /// A program that runs until it is killed, once it has said that it is ready.
    fn ready(broker: &Broker, name: &'static str, arguments: &[&str], says: &str) -> Outcome<Self> {
        let program = Self::start(broker, name, arguments)?;
        program.says(says)?;
        Ok(program)
    }

    /// Runs a program that ends by itself; returns everything that it printed.
    fn run(broker: &Broker, name: &'static str, arguments: &[&str]) -> Outcome<Vec<String>> {
        let mut program = Self::start(broker, name, arguments)?;
        let mut lines = Vec::new();
        while let Some(line) = program.line()? {
            lines.push(line);
        }
        let status = program.child.wait()?; // At once: its output has ended.
        assert!(status.success(), "{name} {arguments:?} ended with {status} after {lines:?}");
        Ok(lines)
    }

    /// The next line, or none at the end of the output.
    fn line(&self) -> Outcome<Option<String>> {
        match self.lines.recv_timeout(LINE_DEADLINE) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                Err(Failure::new(format!("{} has printed nothing for {LINE_DEADLINE:?}", self.name)))
            }
        }
    }

    /// Its next line is this one.
    fn says(&self, expected: &str) -> Outcome {
        assert_eq!(self.line()?.as_deref(), Some(expected), "printed by {}", self.name);
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Removes what a tutorial leaves behind, once its programs are really gone. If somebody else is at the
/// same tutorial, it is left to them.
async fn tidy_up(broker: &Broker, queues: &[&str], exchanges: &[&str]) -> Outcome {
    let connection = broker.connect().await?;
    for queue in queues {
        let _or_left = eventually("the queue to be unused", async || {
            let options = QueueDeleteOptions { if_unused: true, ..Default::default() };
            let channel = connection.create_channel().await?;
            Ok(channel.queue_delete((*queue).into(), options).await.is_ok())
        })
        .await;
    }
    for exchange in exchanges {
        let _or_left = eventually("the exchange to be unused", async || {
            let options = ExchangeDeleteOptions { if_unused: true, nowait: false };
            let channel = connection.create_channel().await?;
            Ok(channel.exchange_delete((*exchange).into(), options).await.is_ok())
        })
        .await;
    }
    Ok(())
}

#[test]
fn tutorial_one_says_hello_world() {
    with_broker(async |broker| {
        let waiting = " [*] Waiting for messages. To exit press CTRL+C";
        assert_eq!(Program::run(&broker, "send", &[])?, [" [x] Sent 'Hello World!'"]);
        let receive = Program::ready(&broker, "receive", &[], waiting)?;
        receive.says(" [x] Received 'Hello World!'")?;
        assert_eq!(Program::run(&broker, "send", &[])?, [" [x] Sent 'Hello World!'"]);
        receive.says(" [x] Received 'Hello World!'")?;
        drop(receive);
        tidy_up(&broker, &["hello"], &[]).await
    });
}

#[test]
fn tutorial_two_gives_tasks_to_the_worker_that_is_free_and_those_of_a_dead_one_to_another() {
    with_broker(async |broker| {
        tidy_up(&broker, &["task_queue"], &[]).await?;
        let waiting = " [*] Waiting for messages. To exit press CTRL+C";
        let busy = Program::ready(&broker, "worker", &[], waiting)?;
        let sent = Program::run(&broker, "new_task", &["A", "long", "one..."])?;
        assert_eq!(sent, [" [x] Sent 'A long one...'"]);
        busy.says(" [x] Received 'A long one...'")?;
        let free = Program::ready(&broker, "worker", &[], waiting)?;
        for task in ["first", "second"] {
            Program::run(&broker, "new_task", &[task])?;
            free.says(&format!(" [x] Received '{task}'"))?;
            free.says(" [x] Done")?;
        }
        assert_eq!(busy.lines.try_recv(), Err(TryRecvError::Empty), "the busy worker was not busy any more");
        drop(busy);
        free.says(" [x] Received 'A long one...'")?;
        free.says(" [x] Done")?;
        drop(free);
        tidy_up(&broker, &["task_queue"], &[]).await
    });
}

#[test]
fn tutorial_three_tells_every_subscriber() {
    with_broker(async |broker| {
        let waiting = " [*] Waiting for logs. To exit press CTRL+C";
        let first = Program::ready(&broker, "receive_logs", &[], waiting)?;
        let second = Program::ready(&broker, "receive_logs", &[], waiting)?;
        let sent = Program::run(&broker, "emit_log", &["warning:", "all", "hear", "this"])?;
        assert_eq!(sent, [" [x] Sent 'warning: all hear this'"]);
        for subscriber in [&first, &second] {
            subscriber.says(" [x] warning: all hear this")?;
        }
        drop((first, second));
        tidy_up(&broker, &[], &["logs"]).await
    });
}

#[test]
fn tutorial_four_tells_those_who_asked_for_the_severity() {
    with_broker(async |broker| {
        let waiting = " [*] Waiting for logs. To exit press CTRL+C";
        let errors = Program::ready(&broker, "receive_logs_direct", &["error"], waiting)?;
        let all = ["info", "warning", "error"];
        let everything = Program::ready(&broker, "receive_logs_direct", &all, waiting)?;
        let sent = Program::run(&broker, "emit_log_direct", &["info", "fine"])?;
        assert_eq!(sent, [" [x] Sent 'info':'fine'"]);
        Program::run(&broker, "emit_log_direct", &["error", "the disk", "is full"])?;
        everything.says(" [x] 'info':'fine'")?;
        everything.says(" [x] 'error':'the disk is full'")?;
        errors.says(" [x] 'error':'the disk is full'")?;
        drop((errors, everything));
        tidy_up(&broker, &[], &["direct_logs"]).await
    });
}

#[test]
fn tutorial_five_tells_those_whose_pattern_fits() {
    with_broker(async |broker| {
        let waiting = " [*] Waiting for logs. To exit press CTRL+C";
        let kernel = Program::ready(&broker, "receive_logs_topic", &["kern.*"], waiting)?;
        let two = ["kern.*", "*.critical"];
        let several = Program::ready(&broker, "receive_logs_topic", &two, waiting)?;
        let everything = Program::ready(&broker, "receive_logs_topic", &["#"], waiting)?;
        for topic in ["cron.critical", "cron.info", "kern.critical"] {
            let sent = Program::run(&broker, "emit_log_topic", &[topic, "news"])?;
            assert_eq!(sent, [format!(" [x] Sent '{topic}':'news'")]);
        }
        kernel.says(" [x] 'kern.critical':'news'")?;
        for topic in ["cron.critical", "kern.critical"] {
            several.says(&format!(" [x] '{topic}':'news'"))?;
        }
        for topic in ["cron.critical", "cron.info", "kern.critical"] {
            everything.says(&format!(" [x] '{topic}':'news'"))?;
        }
        drop((kernel, several, everything));
        tidy_up(&broker, &[], &["topic_logs"]).await
    });
}

#[test]
fn tutorial_six_answers_calls() {
    with_broker(async |broker| {
        let server = Program::ready(&broker, "rpc_server", &[], " [x] Awaiting RPC requests")?;
        for (argument, number) in [("10", "55"), ("20", "6765")] {
            let printed = Program::run(&broker, "rpc_client", &[argument])?;
            let (asked, got) = (format!(" [x] Requesting fib({argument})"), format!(" [.] Got {number}"));
            assert_eq!(printed, [asked, got]);
            server.says(&format!(" [.] fib({argument})"))?;
        }
        drop(server);
        tidy_up(&broker, &["rpc_queue"], &[]).await
    });
}
