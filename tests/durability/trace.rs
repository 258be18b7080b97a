//! What `strace` has seen, as calls.
//!
//! Invariant: one line is one moment, so a call that others have interrupted (`<unfinished ...>`, later
//! `<... resumed>`) begins and ends at two.

use std::collections::HashMap;

use crate::promises::{Call, Kind};

/// The calls that write, that sync and that send.
const WRITES: [&str; 7] = ["write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg"];
const SYNCS: [&str; 4] = ["fsync", "fdatasync", "sync_file_range", "syncfs"];

/// The arguments of strace for what [`calls`] understands; all strings in hexadecimal digits.
pub fn arguments(into: &str) -> Vec<String> {
    let traced = format!("trace={},{}", WRITES.join(","), SYNCS.join(","));
    // -D: the broker stays the child that was started, and strace is nobody's.
    let fixed = ["-D", "-f", "-yy", "-xx", "-s", "100000", "-e", "signal=none", "-e", &traced, "-o", into];
    fixed.map(str::to_owned).to_vec()
}

/// The calls of a trace in the order in which they began. Lines that are no such call are passed over.
pub fn calls(trace: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut unfinished: HashMap<&str, usize> = HashMap::new();
    for (at, line) in trace.lines().enumerate() {
        let Some((thread, what)) = line.split_once(' ') else { continue };
        let what = what.trim_start();
        if what.starts_with("<... ") {
            if let Some(open) = unfinished.remove(thread) {
                calls[open].ended = has_succeeded(what).then_some(at);
            }
        } else if let Some(mut call) = begun(what, at) {
            if what.ends_with("<unfinished ...>") {
                unfinished.insert(thread, calls.len());
            } else {
                call.ended = has_succeeded(what).then_some(at);
            }
            calls.push(call);
        }
    }
    calls
}

fn begun(what: &str, at: usize) -> Option<Call> {
    let (name, arguments) = what.split_once('(')?;
    let (_, on) = arguments.split_once('<')?;
    // A socket is `TCP:[from->to]`, a file its path.
    let is_socket = on.starts_with("TCP");
    let on = if is_socket { on.split("]>").next()? } else { on.split('>').next()? };
    let kind = match name {
        // A range of a file that was handed to the disk is no promise against a loss of power.
        "sync_file_range" => return None,
        _ if SYNCS.contains(&name) => Kind::Sync,
        _ if !WRITES.contains(&name) => return None,
        _ if is_socket => Kind::Send,
        _ => Kind::Write,
    };
    Some(Call { kind, on: unescaped(on), bytes: strings(arguments), began: at, ended: None })
}

/// Whether a line ends with a result that is no error.
fn has_succeeded(what: &str) -> bool {
    let result = what.rsplit_once(" = ").map(|(_, result)| result);
    result.is_some_and(|result| result.starts_with(|first: char| first.is_ascii_digit()))
}

/// All strings of a call, one behind the other: what a gathering write puts together.
fn strings(arguments: &str) -> Vec<u8> {
    arguments.split('"').skip(1).step_by(2).flat_map(unescape).collect()
}

/// `\x61\x62` as bytes.
fn unescape(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).filter_map(|digits| u8::from_str_radix(digits.get(..2)?, 16).ok()).collect()
}

/// With -xx strace writes paths in digits, too.
fn unescaped(path: &str) -> String {
    if path.starts_with("\\x") {
        String::from_utf8_lossy(&unescape(path)).into_owned()
    } else {
        path.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = r#"10 pwrite64(7</d/0000000001.log>, "\x61\x62", 2, 64) = 2
10 fdatasync(7</d/0000000001.log> <unfinished ...>
11 sendto(12<TCP:[127.0.0.1:1->127.0.0.1:2]>, "\x63", 1, MSG_NOSIGNAL, NULL, 0) = 1
10 <... fdatasync resumed>)           = 0
11 writev(12<TCP:[127.0.0.1:1->127.0.0.1:2]>, [{iov_base="\x64", iov_len=1}, {iov_base="\x65\x66", iov_len=2}], 2 <unfinished ...>
10 fsync(7</d/0000000001.log>)            = -1 EIO (Input/output error)
11 <... writev resumed>)              = 3
10 sync_file_range(7</d/view/db>, 0, 0, SYNC_FILE_RANGE_WRITE) = 0
10 +++ exited with 0 +++
"#;

    #[test]
    fn a_trace_is_read_with_its_interrupted_and_failed_calls() {
        let call = |kind, on: &str, bytes: &[u8], began, ended| Call {
            kind,
            on: on.to_owned(),
            bytes: bytes.to_vec(),
            began,
            ended,
        };
        let (log, socket) = ("/d/0000000001.log", "TCP:[127.0.0.1:1->127.0.0.1:2");
        let expected = [
            call(Kind::Write, log, b"ab", 0, Some(0)),
            call(Kind::Sync, log, b"", 1, Some(3)),
            call(Kind::Send, socket, b"c", 2, Some(2)),
            call(Kind::Send, socket, b"def", 4, Some(6)),
            call(Kind::Sync, log, b"", 5, None),
        ];
        assert_eq!(calls(TRACE), expected);
    }
}
