//! The resident memory of another process, as the kernel tells it.

use super::PerfError;

/// Bytes of the process that are in memory.
pub fn resident_bytes(process: u32) -> Result<u64, PerfError> {
    std::fs::read_to_string(format!("/proc/{process}/status"))
        .ok()
        .and_then(|status| of_status(&status))
        .ok_or(PerfError::NoProcess(process))
}

/// `proc_pid_status(5)`: kilobytes, in powers of two.
fn of_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_set_is_taken_from_its_line() {
        assert_eq!(of_status("Name:\tx\nVmHWM:\t 9 kB\nVmRSS:\t    1234 kB\n"), Some(1234 * 1024));
        assert_eq!(of_status("Name:\tx\n"), None);
        assert!(resident_bytes(std::process::id()).is_ok_and(|bytes| 100_000 < bytes));
        assert!(matches!(resident_bytes(u32::MAX), Err(PerfError::NoProcess(u32::MAX))));
    }
}
