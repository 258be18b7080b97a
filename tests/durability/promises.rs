//! Whether a promise was made before what it promises was on the disk: a pure look at a list of system calls.
//!
//! A promise may be written to a socket only after a sync of the file has returned that was begun after the write
//! of its fact had returned. The list is in the order in which the calls began and ended; a confirm that a finished sync has caused
//! stands behind it, since the thread that confirms could not know of it before.

/// A system call of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub kind: Kind,
    /// The file or the socket.
    pub on: String,
    /// What was written.
    pub bytes: Vec<u8>,
    /// Its place among the beginnings and ends of all calls.
    pub began: usize,
    /// `None`: it failed, or the trace ends before it.
    pub ended: Option<usize>,
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To a file.
    Write,
    Sync,
    /// To a socket.
    Send,
}

/// Something that must be in a file before something is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    pub name: String,
    /// Bytes that are in the file if the fact is.
    pub fact: Vec<u8>,
    /// Bytes that are on the socket once it was promised.
    pub word: Vec<u8>,
}

/// What is wrong with these promises.
pub fn broken(calls: &[Call], promises: &[Promise]) -> Vec<String> {
    promises.iter().filter_map(|promise| verdict(calls, promise).err()).collect()
}

fn verdict(calls: &[Call], promise: &Promise) -> Result<(), String> {
    let Promise { name, fact, word } = promise;
    let said = calls.iter().find(|call| call.kind == Kind::Send && contains(&call.bytes, word));
    let said = said.ok_or_else(|| format!("{name} was never said"))?;
    let write = calls.iter().find(|call| call.kind == Kind::Write && contains(&call.bytes, fact));
    let write = write.ok_or_else(|| format!("{name} was said, and nothing was written"))?;
    let written = write.ended.ok_or_else(|| format!("{name} was said, and its write has not succeeded"))?;
    let covers = |call: &&Call| call.kind == Kind::Sync && call.on == write.on && written < call.began;
    let synced = calls.iter().filter(covers).filter_map(|sync| sync.ended).min();
    match synced {
        None => Err(format!("{name} was said, and {} was never synced after its write", write.on)),
        Some(synced) if said.began < synced => {
            Err(format!("{name} was said at {}, written at {written}, synced at {synced}", said.began))
        }
        Some(_) => Ok(()),
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One call a word: `w` write, `s` sync, `o` sync of another file, `c` confirm; `(` and `)` part its beginning
    /// from its end, and `!` is a failure.
    fn check(calls: &str) -> Vec<String> {
        let mut list: Vec<Call> = Vec::new();
        for (at, word) in calls.split_whitespace().enumerate() {
            let letter = word.trim_matches(['(', ')', '!']);
            let (kind, on, bytes) = match letter {
                "w" => (Kind::Write, "log", "..fact.."),
                "s" => (Kind::Sync, "log", ""),
                "o" => (Kind::Sync, "other", ""),
                _ => (Kind::Send, "socket", "..word.."),
            };
            if word.starts_with(')') {
                let open = list.iter_mut().rev().find(|call| call.kind == kind && call.on == on);
                open.unwrap().ended = Some(at);
                continue;
            }
            let is_over = !word.ends_with('(') && !word.ends_with('!');
            let call =
                Call { kind, on: on.into(), bytes: bytes.into(), began: at, ended: is_over.then_some(at) };
            list.push(call);
        }
        let promise = Promise { name: "it".into(), fact: b"fact".into(), word: b"word".into() };
        broken(&list, &[promise])
    }

    #[test]
    fn write_sync_confirm_is_the_right_order() {
        for calls in ["w s c", "w( )w s( )s c", "s w s c", "w o s c", "w s( o )s c", "w s! s c", "w s c s"] {
            assert_eq!(check(calls), Vec::<String>::new(), "{calls}");
        }
    }

    #[test]
    fn every_wrong_order_is_found() {
        for calls in [
            "c w s",
            "w c s",
            "s w c",
            "w o c",
            "w s( c )s",
            "w( s )w c",
            "w! s c",
            "w s! c",
            "w s(",
            "s c",
            "w s",
            "c",
            "w c s c",
        ] {
            assert_eq!(check(calls).len(), 1, "{calls}");
        }
    }
}
