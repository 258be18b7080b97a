//! A leveret process on a data directory of its own, and what the system says of it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Outcome;

/// A data directory, gone at the end.
pub struct DataDir(TempDir);

impl DataDir {
    pub fn new() -> Outcome<Self> {
        Ok(Self(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Everything in it, but for what goes while we look.
    pub fn files(&self) -> Vec<PathBuf> {
        let (mut found, mut folders) = (Vec::new(), vec![self.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        found
    }

    /// What its files take on the disk.
    pub fn disk_bytes(&self) -> u64 {
        use std::os::unix::fs::MetadataExt as _;
        let taken = |path: &PathBuf| fs::metadata(path).map_or(0, |file| file.blocks() * 512);
        self.files().iter().map(taken).sum()
    }
}

/// A running broker; killed when dropped.
pub struct Server {
    process: Child,
    pub address: SocketAddr,
    /// Where the HTTP API is.
    pub http: Option<SocketAddr>,
    /// From its start to its word that it is ready.
    pub ready_after: Duration,
}

impl Server {
    pub fn start(data_dir: &DataDir) -> Outcome<Self> {
        Self::start_as(data_dir, "off")
    }

    /// One that serves the HTTP API, with metrics beside it.
    pub fn start_with_http(data_dir: &DataDir) -> Outcome<Self> {
        Self::start_as(data_dir, "127.0.0.1:0")
    }

    fn start_as(data_dir: &DataDir, http: &str) -> Outcome<Self> {
        let started = Instant::now();
        let mut process = Command::new(env!("CARGO_BIN_EXE_leveret"))
            .args(["--listen", "127.0.0.1:0", "--http", http, "--metrics", http, "--data-dir"])
            .arg(data_dir.path())
            .env_clear()
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(process.stdout.take().ok_or("no standard output")?).lines();
        let (mut address, mut http) = (None, None);
        for line in lines.by_ref() {
            let line = line?;
            if let Some((_, text)) = line.split_once("started TCP listener on ") {
                address = Some(text.parse()?);
            }
            if let Some((_, port)) =
                line.split_once("Management plugin: HTTP (non-TLS) listener started on port ")
            {
                http = Some(SocketAddr::from(([127, 0, 0, 1], port.parse()?)));
            }
            if line.contains("Server startup complete") {
                break;
            }
        }
        let ready_after = started.elapsed();
        // What it has to say from now on is for us to see, but for clients that go without a word as ours do.
        std::thread::spawn(move || {
            let is_news = |line: &String| line.contains("[error]") || line.contains("[warning]");
            let lines = lines.map_while(Result::ok).filter(is_news);
            for line in lines.filter(|line| !line.contains("client unexpectedly closed")) {
                eprintln!("  {line}");
            }
        });
        let address = address.ok_or("the broker did not start")?;
        Ok(Self { process, address, http, ready_after })
    }

    /// A line of what the system says of its memory, in bytes: `VmRSS` now, `VmHWM` at most so far.
    pub fn memory(&self, line: &str) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let text = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        let kibibytes = text.and_then(|text| text.trim().strip_suffix(" kB")).ok_or("no such line")?;
        Ok(kibibytes.parse::<u64>()? << 10)
    }

    /// How long its threads have worked, to a hundredth of a second.
    pub fn cpu(&self) -> Outcome<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name before it may have spaces.
        let (_, rest) = stat.rsplit_once(')').ok_or("no such process")?;
        let ticks = rest.split(' ').skip(12).take(2).map(str::parse::<u64>);
        Ok(Duration::from_millis(ticks.sum::<Result<u64, _>>()? * 10))
    }

    /// Ends it as a loss of power would end it for its clients.
    pub fn kill(mut self) -> Outcome<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
