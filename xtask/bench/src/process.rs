//! What the system says of a process: the time it had on a processor, its memory, its open files.

use std::fs;

use crate::Outcome;

/// Seconds on a processor since its start, in the kernel too, all threads together.
pub fn processor_seconds(pid: u32) -> Outcome<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = ticks(&stat).ok_or("no processor time in /proc/PID/stat")?;
    Ok(as_float(ticks) / as_float(rustix::param::clock_ticks_per_second()))
}

/// Bytes of memory it has now.
pub fn resident_bytes(pid: u32) -> Outcome<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(as_float(resident(&status).ok_or("no VmRSS in /proc/PID/status")?))
}

/// How many files and sockets it has open.
pub fn open_files(pid: u32) -> Outcome<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// Fields 14 and 15, `utime` and `stime`. The second field is a name in parentheses, which may hold both blanks and
/// parentheses, so they are counted from its end.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    Some(times.next()?.parse::<u64>().ok()? + times.next()?.parse::<u64>().ok()?)
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

#[expect(clippy::cast_precision_loss, reason = "a figure is for reading")]
pub fn as_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_a_name_with_blanks_and_parentheses() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 40 2 11 12 20 0 5 0 99";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("7 (a) S 1 2"), None);
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        assert_eq!(resident("Name:\ta\nVmHWM:\t   9 kB\nVmRSS:\t    3 kB\n"), Some(3072));
        assert_eq!(resident("Name:\ta\n"), None);
    }

    #[test]
    fn this_process_has_memory_files_and_time() {
        let pid = std::process::id();
        assert!(0.0 < resident_bytes(pid).unwrap());
        assert!(3 <= open_files(pid).unwrap());
        assert!(0.0 <= processor_seconds(pid).unwrap());
    }
}
