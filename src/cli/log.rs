//! The log of the process: lines for standard output, written by a thread of their own.
//!
//! A broker must not stand still because nobody reads what it prints: a pipe holds 64 KiB, a few hundred
//! connections' worth. So lines wait in a bounded queue; what does not fit is lost, and lost lines are
//! made up for by one that says how many. An output that is gone is no reason to end either.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use crate::config::LogLevel;

/// Lines that may wait to be written.
const LINES_WAIT: usize = 4096;
/// How long the end of the process waits for the last of them.
const LAST_LINES_WAIT: Duration = Duration::from_secs(1);

/// The log, until it is dropped; that writes what still waits.
pub struct Log {
    lines: Lines,
    is_over: Receiver<()>,
}

enum Message {
    Line(Vec<u8>),
    End,
}

impl Log {
    /// Sends what is traced from now on to standard output.
    pub fn to_stdout(LogLevel(level): LogLevel) -> Self {
        let log = Self::to(io::stdout());
        let subscriber = tracing_subscriber::fmt().with_max_level(level).with_writer(log.lines.clone());
        let subscriber = subscriber.with_ansi(io::stdout().is_terminal()).with_target(false).finish();
        // Only one process-wide subscriber can be set; this is the first.
        let _ = tracing::subscriber::set_global_default(subscriber);
        log
    }

    fn to(output: impl Write + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(LINES_WAIT);
        let (over, is_over) = sync_channel(1);
        let lines = Lines { sender, lost: Arc::default() };
        let lost = lines.lost.clone();
        thread::spawn(move || {
            write_lines(output, &receiver, &lost);
            let _ = over.try_send(());
        });
        Self { lines, is_over }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let deadline = Instant::now() + LAST_LINES_WAIT;
        // The queue may be full of lines that are about to be written, or of lines that never will be.
        while let Err(TrySendError::Full(_)) = self.lines.sender.try_send(Message::End) {
            if deadline <= Instant::now() {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        let _ = self.is_over.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

fn write_lines(mut output: impl Write, lines: &Receiver<Message>, lost: &AtomicU64) {
    while let Ok(Message::Line(line)) = lines.recv() {
        // An output that fails may be back for the next line (a full disk); there is nobody to tell.
        let _ = output.write_all(&line);
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost != 0 {
            let _ = writeln!(
                output,
                "{lost} lines of the log were lost: it was not read as fast as it was written"
            );
        }
        let _ = output.flush();
    }
}

/// Where events leave their lines. Each is one write, as tracing-subscriber does it.
#[derive(Clone)]
struct Lines {
    sender: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Message::Line(line.to_vec())) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::sync_channel;

    use super::*;

    /// An output that takes a line only when it is let.
    struct Gate {
        open: Receiver<()>,
        written: Arc<Mutex<Vec<String>>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.open.recv();
            self.written.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
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
        let (opener, open) = sync_channel(0);
        let written = Arc::new(Mutex::new(Vec::new()));
        let log = Log::to(Gate { open, written: written.clone() });
        // One line may be with the thread already, all others fill the queue; no write waits.
        for number in 0..LINES_WAIT + 101 {
            log.lines.clone().write_all(format!("{number}\n").as_bytes()).unwrap();
        }
        let lost = log.lines.lost.load(Ordering::Relaxed);
        assert!((100..=101).contains(&lost), "{lost}");
        drop(opener);
        drop(log);
        let written = written.lock().unwrap();
        assert_eq!(written[0], "0\n");
        assert_eq!(written.iter().filter(|line| line.contains("lines of the log were lost")).count(), 1);
    }

    #[test]
    fn what_was_logged_last_is_written_before_the_end() {
        let (opener, open) = sync_channel(0);
        let written = Arc::new(Mutex::new(Vec::new()));
        let log = Log::to(Gate { open, written: written.clone() });
        drop(opener);
        log.lines.clone().write_all(b"last words\n").unwrap();
        drop(log);
        assert_eq!(*written.lock().unwrap(), ["last words\n"]);
    }

    #[test]
    fn an_output_that_is_gone_ends_nothing() {
        let log = Log::to(Gone);
        for _ in 0..3 {
            log.lines.clone().write_all(b"a line\n").unwrap();
        }
    }
}
