//! Files that somebody else has changed while no broker ran: damage is refused with what to do, a torn end is cut
//! with a warning, and everything else is there.

use std::net::SocketAddr;

use crate::directory::{Directory, flip, truncate, zero};
use crate::say;
use crate::support::{Event, Peer};

const MESSAGES: usize = 100;

/// A broker has left a hundred confirmed messages, and was killed.
async fn left_behind() -> Directory {
    let directory = Directory::new();
    let mut served = directory.start();
    let mut peer = Peer::open_channel(served.address()).await;
    peer.must(say::durable_queue("q")).await;
    peer.must(say::confirms()).await;
    for number in 0..MESSAGES {
        publish(&mut peer, &body(number)).await;
    }
    served.kill();
    directory
}

/// Text that is found again in a file.
fn body(number: usize) -> Vec<u8> {
    format!("this is message number {number:03} of a hundred").into_bytes()
}

/// Publishes to `q` and waits for the confirm.
pub async fn publish(peer: &mut Peer, body: &[u8]) {
    peer.send_bytes(&say::publish(("", "q"), true, body)).await;
    let confirm = peer.event(1).await;
    assert!(matches!(confirm, Event::Confirm { .. }), "{confirm:?}");
}

/// What is in `q`.
pub async fn bodies(address: SocketAddr) -> Vec<Vec<u8>> {
    let mut peer = Peer::open_channel(address).await;
    let all = peer.all_of("q").await;
    peer.close().await;
    all.into_iter().map(|delivery| delivery.body).collect()
}

fn without(missing: Option<usize>) -> Vec<Vec<u8>> {
    (0..MESSAGES).filter(|number| Some(*number) != missing).map(body).collect()
}

fn warnings(printed: &[String]) -> Vec<&String> {
    printed.iter().filter(|line| line.contains("[warning]")).collect()
}

#[tokio::test]
async fn damage_is_refused_with_file_offset_and_command_and_costs_only_itself_if_accepted() {
    let directory = left_behind().await;
    let (path, at) = directory.find(&body(50));
    flip(&path, at + 5);
    let error = directory.refused();
    assert!(error.contains(path.to_str().unwrap()), "{error}");
    assert!(error.contains("--accept-loss"), "{error}");
    let offsets: Vec<u64> = numbers(&error).filter(|number| (at - 200..=at).contains(number)).collect();
    assert!(!offsets.is_empty(), "no offset of a record shortly before {at}: {error}");
    // A refusal changes nothing: it is the same the next time.
    assert_eq!(directory.refused(), error);

    let mut served = directory.start_with(&["--accept-loss"], &[]);
    assert_eq!(bodies(served.address()).await, without(Some(50)));
    let (printed, code) = served.end_by("TERM");
    assert_eq!(code, Some(0));
    assert!(warnings(&printed).iter().any(|line| line.contains(path.to_str().unwrap())), "{printed:#?}");

    // It was accepted once, and is over: the next start needs no word.
    let mut served = directory.start();
    assert_eq!(bodies(served.address()).await, without(Some(50)));
}

fn numbers(text: &str) -> impl Iterator<Item = u64> {
    text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse().ok())
}

/// Breaks the end of the log so, and starts again: what was before the last record is there.
async fn torn(tear: impl FnOnce(&std::path::Path, u64)) {
    let directory = left_behind().await;
    let (path, end) = directory.end();
    tear(&path, end);
    let mut served = directory.start();
    let found = bodies(served.address()).await;
    assert!(found == without(None) || found == without(Some(MESSAGES - 1)), "{}", found.len());
    let (printed, _) = served.end_by("TERM");
    let warnings = warnings(&printed);
    assert_eq!(warnings.len(), 1, "{printed:#?}");
    assert!(warnings[0].contains(path.to_str().unwrap()), "{warnings:?}");
    // It was cut, so it is no news any more; and there is room for new messages behind it.
    let mut served = directory.start();
    let mut peer = Peer::open_channel(served.address()).await;
    peer.must(say::confirms()).await;
    publish(&mut peer, b"new").await;
    peer.close().await;
    let (printed, _) = served.end_by("TERM");
    assert!(!printed.iter().any(|line| line.contains("[warning]")), "{printed:#?}");
    let mut served = directory.start();
    assert_eq!(bodies(served.address()).await.last().map(Vec::as_slice), Some(b"new".as_slice()));
}

#[tokio::test]
async fn an_end_that_was_cut_off_costs_a_warning_and_the_last_record() {
    torn(|path, end| truncate(path, end - 5)).await;
}

#[tokio::test]
async fn an_end_that_was_never_written_costs_a_warning_and_the_last_record() {
    torn(|path, end| zero(path, end - 20, end)).await;
}

#[tokio::test]
async fn an_end_that_was_written_wrong_costs_a_warning_and_the_last_record() {
    torn(|path, end| flip(path, end - 5)).await;
}

#[tokio::test]
async fn damage_after_a_clean_end_is_refused_too() {
    let directory = left_behind().await;
    let mut served = directory.start();
    served.until("Server startup complete");
    served.end_by("TERM");
    let (path, at) = directory.find(&body(50));
    flip(&path, at);
    let error = directory.refused();
    assert!(error.contains(path.to_str().unwrap()) && error.contains("--accept-loss"), "{error}");
}

#[tokio::test]
async fn a_view_that_is_missing_or_damaged_is_made_anew_from_the_log() {
    let directory = left_behind().await;
    let mut served = directory.start();
    served.until("Server startup complete");
    served.end_by("TERM");
    let view = std::path::Path::new(directory.path()).join("view");
    for entry in walk(&view) {
        let bytes = std::fs::metadata(&entry).unwrap().len();
        if 0 < bytes {
            flip(&entry, bytes / 2);
            zero(&entry, 0, bytes.min(16));
        }
    }
    let mut served = directory.start();
    assert_eq!(bodies(served.address()).await, without(None));
    served.end_by("TERM");
    std::fs::remove_dir_all(&view).unwrap();
    let mut served = directory.start();
    assert_eq!(bodies(served.address()).await, without(None));
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}

#[tokio::test]
async fn a_second_process_is_refused_the_directory_and_told_who_has_it() {
    let directory = Directory::new();
    let mut served = directory.start();
    let mut peer = Peer::open_channel(served.address()).await;
    peer.must(say::durable_queue("q")).await;
    let error = directory.refused();
    assert!(error.contains(directory.path()), "{error}");
    assert!(error.contains(&served.id().to_string()), "{error}");
    // The first has noticed nothing.
    peer.must(say::confirms()).await;
    publish(&mut peer, b"a").await;
    // However it ended, the directory is free then.
    served.kill();
    let mut served = directory.start();
    assert_eq!(bodies(served.address()).await, [b"a"]);
}

/// Of such messages a segment has no more than sixty-four.
fn large_body(number: usize) -> Vec<u8> {
    let mut body = body(number);
    body.resize(1 << 20, b'.');
    body
}

#[tokio::test]
async fn damage_in_an_older_segment_is_told_when_it_is_read_and_costs_one_message() {
    let directory = Directory::new();
    let mut served = directory.start();
    let mut peer = Peer::open_channel(served.address()).await;
    peer.must(say::durable_queue("q")).await;
    peer.must(say::confirms()).await;
    for number in 0..MESSAGES {
        publish(&mut peer, &large_body(number)).await;
    }
    peer.close().await;
    served.end_by("TERM");
    let (path, at) = directory.find(&body(10));
    assert_ne!(directory.segments().last(), Some(&path));
    flip(&path, at + 100_000);
    // A start does not read what the view knows; the checksum is looked at when the message is.
    let mut served = directory.start();
    let mut peer = Peer::open_channel(served.address()).await;
    peer.must(say::consume("q")).await;
    for number in (0..MESSAGES).filter(|number| *number != 10) {
        assert!(peer.delivery(1).await.body == large_body(number), "{number}");
    }
    peer.close().await;
    let (printed, _) = served.end_by("TERM");
    let errors: Vec<_> = printed.iter().filter(|line| line.contains("[error]")).collect();
    assert_eq!(errors.len(), 1, "{printed:#?}");
    assert!(errors[0].contains(path.to_str().unwrap()), "it says where: {errors:?}");
}
