//! `leveret log`, as an operator uses it: on a directory that a broker has left, or has in use, or that is damaged.
#![cfg(test)]
#![cfg(feature = "cli")]

mod support;

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Output};

use leveret::Broker;
use leveret_codec::PropertiesBuilder;
use leveret_codec::method::{Method, basic, queue, tx};
use support::{Peer, publish_with};

const BODY: &[u8] = b"what is in the log";

fn look(arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leveret"));
    command.arg("log").args(arguments).arg("--data-dir").arg(directory);
    command.output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A broker on the directory that has a durable queue with a persistent message.
async fn filled(directory: &Path) -> Broker {
    let builder = Broker::builder().data_dir(directory).listen(([127, 0, 0, 1], 0));
    let broker = builder.start().await.unwrap();
    let mut peer = Peer::open_channel(broker.amqp_addr()).await;
    let declare = queue::Declare { queue: "kept".into(), durable: true, ..Default::default() };
    peer.ask(1, Method::Queue(queue::AMQPMethod::Declare(declare))).await;
    let to_it = basic::Publish { routing_key: "kept".into(), ..Default::default() };
    let persistent = PropertiesBuilder::new().delivery_mode(2).build();
    // A commit is answered when the log has it.
    peer.ask(1, Method::Tx(tx::AMQPMethod::Select(tx::Select {}))).await;
    peer.send_bytes(&publish_with(1, to_it, &persistent, BODY)).await;
    peer.ask(1, Method::Tx(tx::AMQPMethod::Commit(tx::Commit {}))).await;
    broker
}

#[tokio::test]
async fn a_log_in_use_and_one_that_was_left_are_sound() {
    let directory = tempfile::tempdir().unwrap();
    let broker = filled(directory.path()).await;
    let in_use = look(&["verify"], directory.path());
    assert!(printed(&in_use).contains("did not end cleanly, or runs"), "{in_use:?}");
    broker.shutdown().await;
    let left = look(&["verify"], directory.path());
    assert_eq!(left.status.code(), Some(0), "{left:?}");
    assert!(printed(&left).contains("alive: 1 messages in queues"), "{left:?}");
    assert!(printed(&left).contains("the log is sound"), "{left:?}");
}

#[tokio::test]
async fn a_dump_has_a_line_for_each_record_that_was_chosen() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path()).await.shutdown().await;
    let all = printed(&look(&["dump"], directory.path()));
    assert!(all.contains(r#"key="[\"queue\",\"/\",\"kept\"]""#), "{all}");
    let messages = printed(&look(&["dump", "--kind", "message"], directory.path()));
    assert_eq!(messages.lines().count(), 1, "{messages}");
    assert!(messages.contains(&format!("body={}", BODY.len())), "{messages}");
    assert_eq!(printed(&look(&["dump", "--queue", "999"], directory.path())), "");
    let unknown = look(&["dump", "--kind", "stream"], directory.path());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("`stream` is none of mark, message"));
}

#[tokio::test]
async fn a_spoilt_record_is_named_and_the_exit_code_says_so() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path()).await.shutdown().await;
    let segment = directory.path().join("log/0000000001.log");
    let file = File::options().read(true).write(true).open(&segment).unwrap();
    let mut beginning = [0; 8192];
    file.read_exact_at(&mut beginning, 0).unwrap();
    let at = beginning.windows(BODY.len()).position(|window| window == BODY).unwrap();
    file.write_all_at(b"W", at as u64).unwrap();
    let output = look(&["verify"], directory.path());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(printed(&output).contains("SPOILT") && printed(&output).contains("NOT SOUND"), "{output:?}");
}

#[test]
fn a_directory_without_a_log_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let output = look(&["verify"], directory.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("leveret log: opening "), "{output:?}");
}
