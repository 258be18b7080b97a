//! What Linux says of memory: the process's share, the container's limit, the machine's size.
//!
//! The formats are the kernel's (`proc(5)`, `cgroup-v2.rst`, `cgroup-v1/memory.rst`); text in, numbers out.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// `VmRSS` of `/proc/self/status`. `statm` says the same in pages, whose size std does not know.
pub fn resident_bytes(status: &str) -> Option<u64> {
    kilobytes(status, "VmRSS:")
}

/// The least of what the machine has and what any control group above this process allows.
pub fn available_bytes(root: &Path) -> Option<u64> {
    let machine =
        read_to_string(root.join("proc/meminfo")).ok().and_then(|text| kilobytes(&text, "MemTotal:"));
    let groups = read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().filter_map(Group::parse).flat_map(|group| group.limits(root));
    limits.chain(machine).min()
}

fn kilobytes(text: &str, label: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(label))?;
    rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// A line of `/proc/self/cgroup` that concerns memory.
struct Group<'a> {
    mounted_at: &'static str,
    file: &'static str,
    path: &'a str,
}

impl<'a> Group<'a> {
    /// `0::/path` is version 2, `9:memory:/path` version 1.
    fn parse(line: &'a str) -> Option<Self> {
        let mut parts = line.splitn(3, ':');
        let (hierarchy, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        if hierarchy == "0" && controllers.is_empty() {
            return Some(Self { mounted_at: "sys/fs/cgroup", file: "memory.max", path });
        }
        let is_memory = controllers.split(',').any(|controller| controller == "memory");
        is_memory.then_some(Self { mounted_at: "sys/fs/cgroup/memory", file: "memory.limit_in_bytes", path })
    }

    /// The limits of this group and of all above it. In a container without its own namespace the path
    /// is the host's and does not exist inside: the mount itself is then the container's group.
    fn limits(self, root: &Path) -> Vec<u64> {
        let mount = root.join(self.mounted_at);
        let mut directory: PathBuf = mount.join(self.path.trim_start_matches('/'));
        let mut limits = Vec::new();
        loop {
            // `max` (version 2) is no number: no limit. Version 1 says so with a number no machine has.
            let text = read_to_string(directory.join(self.file)).unwrap_or_default();
            limits.extend(text.trim().parse::<u64>().ok());
            if directory == mount || !directory.pop() {
                return limits;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:       16000 kB\nMemFree:        100 kB\n");

    fn machine(files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        available_bytes(root.path())
    }

    #[test]
    fn without_a_container_the_machine_is_the_limit() {
        assert_eq!(machine(&[MEMINFO]), Some(16_384_000));
        assert_eq!(machine(&[MEMINFO, ("proc/self/cgroup", "0::/\n")]), Some(16_384_000));
        assert_eq!(machine(&[]), None);
    }

    #[test]
    fn a_container_limits_by_either_version_of_control_groups() {
        let two = [MEMINFO, ("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "1000\n")];
        assert_eq!(machine(&two), Some(1000));
        let one = [
            MEMINFO,
            ("proc/self/cgroup", "12:cpu,cpuacct:/a\n9:memory:/docker/abc\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000\n"),
        ];
        assert_eq!(machine(&one), Some(2000));
    }

    #[test]
    fn the_tightest_group_above_counts() {
        let files = [
            MEMINFO,
            ("proc/self/cgroup", "0::/system.slice/leveret.service\n"),
            ("sys/fs/cgroup/system.slice/memory.max", "5000\n"),
            ("sys/fs/cgroup/system.slice/leveret.service/memory.max", "max\n"),
        ];
        assert_eq!(machine(&files), Some(5000));
    }

    #[test]
    fn no_limit_of_version_1_is_larger_than_any_machine() {
        let files = [
            MEMINFO,
            ("proc/self/cgroup", "9:memory:/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ];
        assert_eq!(machine(&files), Some(16_384_000));
    }

    #[test]
    fn the_resident_set_is_found_among_the_lines() {
        let status = "Name:\tleveret\nVmHWM:\t    9000 kB\nVmRSS:\t    8436 kB\nThreads:\t3\n";
        assert_eq!(resident_bytes(status), Some(8_638_464));
        assert_eq!(resident_bytes("VmRSS:\tmuch"), None);
    }
}
