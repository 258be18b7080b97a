//! What the process says to its kernel: nothing is promised on a socket before the sync that covers it has
//! returned.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use bytes::BytesMut;
use leveret_codec::hot;

use crate::directory::Directory;
use crate::promises::{Kind, Promise, broken};
use crate::say;
use crate::served::Served;
use crate::support::{Event, Peer};
use crate::trace;

/// Publishers at a time, so that syncs are shared.
const PUBLISHERS: u16 = 3;

const MESSAGES: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_promised_before_the_sync_that_covers_it() {
    if let Err(lack) = try_strace() {
        assert!(std::env::var_os("CI").is_none(), "CI must be able to trace a process: {lack}");
        // Past the test harness, which would swallow what a passing test prints.
        let _ = writeln!(std::io::stderr(), "skipped: the order of system calls: {lack}");
        return;
    }
    let directory = Directory::new();
    let trace_file = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("strace");
    command.args(trace::arguments(trace_file.path().to_str().unwrap()));
    command.arg(env!("CARGO_BIN_EXE_leveret")).args(directory.arguments());
    let mut served = Served::spawn(&mut command);
    let address = served.address();
    let mut promises = Vec::new();
    let mut tasks = tokio::task::JoinSet::new();
    for publisher in 1..=PUBLISHERS {
        let peer = Peer::open(address).await.with_channel(publisher).await;
        tasks.spawn(talk(peer, publisher));
    }
    while let Some(made) = tasks.join_next().await {
        promises.extend(made.unwrap());
    }
    // What it printed ends when strace has ended, too.
    let (printed, code) = served.end_by("TERM");
    assert_eq!(code, Some(0), "{printed:#?}");
    let mut calls = trace::calls(&fs::read_to_string(trace_file.path()).unwrap());
    // The log alone is the truth: what stands in the view, or in what is printed, is no promise kept.
    calls.retain(|call| call.kind == Kind::Send || call.on.contains("/log/"));
    let wrong = broken(&calls, &promises);
    assert!(wrong.is_empty(), "of {} promises {} are wrong: {wrong:#?}", promises.len(), wrong.len());
}

/// Whether a process can be traced here.
fn try_strace() -> Result<(), String> {
    let outcome = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::piped()).output();
    match outcome {
        Err(error) => Err(format!("strace cannot be started: {error}")),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("strace is not permitted: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// Has the broker promise one thing after the other on this channel; says what was promised, and by which words.
async fn talk(mut peer: Peer, channel: u16) -> Vec<Promise> {
    let mut promises = Vec::new();
    let queue = format!("queue of {channel}");
    let declared = declare_ok(channel, &queue);
    promises.push(promise(&format!("declare-ok of {queue}"), queue.as_bytes(), &declared));
    peer.ask(channel, say::durable_queue(&queue)).await;
    peer.ask(channel, say::confirms()).await;
    for tag in 1..=MESSAGES {
        let body = format!("message {tag} of {channel}, which is nowhere else");
        promises.push(promise(&body, body.as_bytes(), &ack(channel, tag)));
        peer.send_bytes(&say::publish_on(channel, &queue, body.as_bytes())).await;
        let confirm = peer.event(channel).await;
        assert!(matches!(confirm, Event::Confirm { tag: confirmed, .. } if confirmed == tag), "{confirm:?}");
    }
    promises.extend(commit(&mut peer, channel + PUBLISHERS, &queue).await);
    promises
}

/// The same in a transaction, on a channel of its own.
async fn commit(peer: &mut Peer, channel: u16, queue: &str) -> Option<Promise> {
    peer.ask(channel, say::open_channel()).await;
    peer.ask(channel, say::transactions()).await;
    let body = format!("message of a transaction on {channel}, which is nowhere else");
    peer.send_bytes(&say::publish_on(channel, queue, body.as_bytes())).await;
    peer.ask(channel, say::commit()).await;
    Some(promise(&body, body.as_bytes(), &commit_ok(channel)))
}

fn promise(name: &str, fact: &[u8], word: &[u8]) -> Promise {
    Promise { name: name.to_owned(), fact: fact.to_vec(), word: word.to_vec() }
}

/// basic.ack as far as its tag: the channel and the tag make it unique.
fn ack(channel: u16, tag: u64) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    hot::put_ack(&mut bytes, channel, tag, false);
    bytes[..bytes.len() - 2].to_vec()
}

/// queue.declare-ok as far as the name.
fn declare_ok(channel: u16, name: &str) -> Vec<u8> {
    let payload_bytes = u32::try_from(4 + 1 + name.len() + 8).unwrap();
    let mut bytes = vec![1];
    bytes.extend(channel.to_be_bytes());
    bytes.extend(payload_bytes.to_be_bytes());
    bytes.extend([0, 50, 0, 11, u8::try_from(name.len()).unwrap()]);
    bytes.extend(name.as_bytes());
    bytes
}

/// tx.commit-ok, of which a channel here has one.
fn commit_ok(channel: u16) -> Vec<u8> {
    use leveret_codec::method::{Method, tx};
    say::bytes(channel, &Method::Tx(tx::AMQPMethod::CommitOk(tx::CommitOk {}))).to_vec()
}
