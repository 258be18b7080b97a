//! Lines for standard output, written by a thread of their own.
//!
//! A broker must not stand still because nobody reads what it prints: a pipe holds 64 KiB, a few hundred
//! connections' worth. So lines wait in a buffer with a bound; what does not fit is lost, and lost lines are
//! made up for by one that says how many. An output that is gone is no reason to end either.
//!
//! A line that comes after a silence is written at once, those that follow it within [`GATHERING`] together: connections
//! that come and go by the thousand wake the thread two hundred times a second, not with each of their lines.

use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Bytes of lines that may wait to be written.
const TEXT_WAITS_BYTES: usize = 512 * 1024;
/// How long lines come together after some have been written.
const GATHERING: Duration = Duration::from_millis(5);
/// Room that is kept for lines while there are none.
const ROOM_BYTES: usize = 4096;
/// How long the end of the process waits for the last of them.
const LAST_LINES_WAIT: Duration = Duration::from_secs(1);

/// Takes lines until it is dropped; that writes what still waits.
pub struct Sink {
    lines: Lines,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// The thread has something to do.
    work: Condvar,
    /// The thread has written its last line.
    over: Condvar,
}

#[derive(Default)]
struct State {
    text: Vec<u8>,
    /// Lines that did not fit since this was last told.
    lost: u64,
    /// The thread waits for the first line after a silence.
    is_silent: bool,
    is_ending: bool,
    is_over: bool,
}

impl Sink {
    /// Writes to this output.
    pub fn to(output: impl Write + Send + 'static) -> Self {
        let lines = Lines(Arc::default());
        let shared = lines.0.clone();
        thread::spawn(move || {
            shared.write_to(output);
            shared.state.lock().is_over = true;
            shared.over.notify_one();
        });
        Self { lines }
    }

    /// Where to leave lines.
    pub fn lines(&self) -> Lines {
        self.lines.clone()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let shared = &self.lines.0;
        let mut state = shared.state.lock();
        state.is_ending = true;
        shared.work.notify_one();
        // Perhaps they never will be written.
        let _ = shared.over.wait_while_for(&mut state, |state| !state.is_over, LAST_LINES_WAIT);
    }
}

impl Shared {
    /// Writes until the end has been asked for and nothing waits.
    fn write_to(&self, mut output: impl Write) {
        let mut text = Vec::new();
        while let Some(lost) = self.take(&mut text) {
            // An output that fails may be back for the next line (a full disk); there is nobody to tell.
            let _ = output.write_all(&text);
            if lost != 0 {
                let _ = writeln!(
                    output,
                    "{lost} lines of the log were lost: it was not read as fast as it was written"
                );
            }
            let _ = output.flush();
            let mut state = self.state.lock();
            let _ = self.work.wait_while_for(&mut state, |state| !state.is_ending, GATHERING);
        }
    }

    /// Waits for lines and takes them all; how many have been lost meanwhile. `None`: there will be no more.
    fn take(&self, text: &mut Vec<u8>) -> Option<u64> {
        text.clear();
        text.shrink_to(ROOM_BYTES);
        let mut state = self.state.lock();
        while state.text.is_empty() && state.lost == 0 {
            if state.is_ending {
                return None;
            }
            state.is_silent = true;
            self.work.wait(&mut state);
            state.is_silent = false;
        }
        std::mem::swap(text, &mut state.text);
        Some(std::mem::take(&mut state.lost))
    }

    fn add(&self, line: &[u8]) {
        let mut state = self.state.lock();
        if TEXT_WAITS_BYTES < state.text.len() + line.len() {
            state.lost += 1;
        } else {
            state.text.extend_from_slice(line);
        }
        let is_first = std::mem::take(&mut state.is_silent);
        drop(state);
        if is_first {
            self.work.notify_one();
        }
    }
}

/// Where events leave their lines, each as a whole.
#[derive(Clone)]
pub struct Lines(Arc<Shared>);

impl Lines {
    /// Takes these, or counts them as lost.
    pub fn add(&self, lines: &[u8]) {
        self.0.add(lines);
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// An output that says when it has been given something, and takes it only when it is let.
    struct Gate {
        given: Sender<()>,
        open: Receiver<()>,
        written: Arc<Mutex<String>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.given.send(());
            let _ = self.open.recv();
            self.written.lock().push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// An output that has gone away.
    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn an_output_that_stands_still_loses_lines_and_says_how_many() {
        let ((given, has_first), (opener, open)) = (channel(), channel());
        let written = Arc::new(Mutex::default());
        let log = Sink::to(Gate { given, open, written: written.clone() });
        let line = |number: usize| format!("{number:0>63}\n");
        log.lines.add(line(0).as_bytes());
        has_first.recv().unwrap();
        // The thread has the first line; others fill the buffer, and none waits.
        let fitting = TEXT_WAITS_BYTES / line(0).len();
        for number in 1..=fitting + 100 {
            log.lines.add(line(number).as_bytes());
        }
        drop(opener);
        drop(log);
        let written = written.lock();
        let lines: Vec<&str> = written.lines().collect();
        let kept: String = (0..=fitting).map(line).collect();
        assert!(written.starts_with(&kept), "lines are missing, or in another order");
        assert_eq!(
            lines[fitting + 1..],
            ["100 lines of the log were lost: it was not read as fast as it was written"]
        );
    }

    #[test]
    fn what_was_logged_last_is_written_before_the_end() {
        let ((given, _), (opener, open)) = (channel(), channel());
        let written = Arc::new(Mutex::default());
        let log = Sink::to(Gate { given, open, written: written.clone() });
        drop(opener);
        log.lines.add(b"last words\n");
        drop(log);
        assert_eq!(*written.lock(), "last words\n");
    }

    #[test]
    fn an_output_that_is_gone_ends_nothing() {
        let log = Sink::to(Gone);
        for _ in 0..3 {
            log.lines.add(b"a line\n");
        }
    }
}
