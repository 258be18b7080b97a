//! Child processes that cannot outlive their welcome.
//!
//! Invariants: a child leads its own process group; when its [`Process`] is dropped or its time is up,
//! the whole group is killed, so that nothing a client has started stays behind. Only groups made here
//! are ever signalled. Waiting is waiting for an event (exit, end of output), never polling.

use std::io::{self, PipeReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// A running child, the leader of its own process group.
pub struct Process {
    group: Pid,
    exit: Receiver<ExitStatus>,
}

/// How a bounded program ended.
pub struct Finished {
    /// None: it was still running when its time was up, and was killed.
    pub status: Option<ExitStatus>,
    /// Standard output and standard error, in the order in which they were written.
    pub output: String,
}

/// Runs `command` to its end, but not longer than `limit`.
pub fn run(command: Command, limit: Duration) -> io::Result<Finished> {
    let (process, mut pipe) = Process::spawn(command)?;
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is still worth showing.
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let status = process.wait(limit);
    // Ends the group, and with it the last writer of the pipe: the reader sees its end.
    drop(process);
    Ok(Finished { status, output: reader.join().unwrap_or_default() })
}

impl Process {
    /// Starts `command`; the pipe carries its standard output and standard error as one stream.
    pub fn spawn(mut command: Command) -> io::Result<(Self, PipeReader)> {
        let (reader, writer) = io::pipe()?;
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
        let mut child = command.spawn()?;
        let group = Pid::from_child(&child);
        let (sender, exit) = mpsc::channel();
        thread::spawn(move || {
            if let Ok(status) = child.wait() {
                // Nobody may be listening any more; the child is reaped all the same.
                let _ = sender.send(status);
            }
        });
        Ok((Self { group, exit }, reader))
    }

    /// Waits for the end of the child; None when it is still running after `limit`.
    pub fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        self.exit.recv_timeout(limit).ok()
    }

    /// Asks the child to end, as an operator would: SIGTERM.
    pub fn terminate(&self) {
        // The only failure is that it has ended already.
        let _ = kill_process_group(self.group, Signal::TERM);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_that_ends_gives_its_status_and_its_output_in_order() {
        let finished = run(shell("echo one; echo two >&2; exit 3"), Duration::from_secs(10)).unwrap();
        assert_eq!(finished.status.and_then(|status| status.code()), Some(3));
        assert_eq!(finished.output, "one\ntwo\n");
    }

    #[test]
    fn a_program_that_hangs_is_killed_with_its_children_and_keeps_what_it_said() {
        let finished = run(shell("echo said; sleep 600 & sleep 600"), Duration::from_millis(300)).unwrap();
        assert!(finished.status.is_none());
        assert_eq!(finished.output, "said\n");
    }

    #[test]
    fn children_left_behind_by_a_program_that_ended_are_killed() {
        // Would wait for the pipe's end for 600 s if the grandchild were spared.
        let finished = run(shell("sleep 600 & echo gone"), Duration::from_secs(10)).unwrap();
        assert_eq!(finished.output, "gone\n");
    }
}
