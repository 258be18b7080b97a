//! Waiting for a socket or an instant, whichever is first, as exactly as the kernel allows without spinning.

use std::io;
use std::num::NonZeroU64;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// What a wait may be too late because the kernel saves wake-ups: `poll` allows itself a thousandth of the
/// wait. The last piece of a long wait is at most twice this, and so a few microseconds off.
const LAST_PIECE: Duration = Duration::from_millis(1);

/// Asks the kernel to wake this thread exactly, not within its usual 50 us. What is left is the timer's interrupt and the
/// way back to a processor: some microseconds on an idle machine, more where threads wait for one. It is not
/// subtracted: a message that was published late is late.
pub fn wake_exactly() {
    // A kernel that refuses wakes us later; the latencies show it.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}

/// Whether the socket has something to read or accept (or is closed), now or within this time. May return early.
pub fn is_readable(socket: &impl AsFd, within: Duration) -> io::Result<bool> {
    let piece = if within <= 2 * LAST_PIECE { within } else { within.saturating_sub(LAST_PIECE) };
    let timeout = Timespec::try_from(piece).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
    match poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&timeout)) {
        Ok(ready) => Ok(ready != 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
