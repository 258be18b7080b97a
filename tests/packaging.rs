//! The binary that is given away, in a directory that has nothing else: no shell, no libraries, no `/etc`, no `/proc`;
//! and the files around it, as their own tools judge them.
//!
//! `cargo xtask test` builds it and says where it is. Only root can make such a directory the whole world of a
//! process; who is somebody else leaves that out.
#![cfg(test)]

#[path = "support/served.rs"]
mod served;
mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use served::Served;
use support::Peer;
use tempfile::TempDir;

/// The number that official images of brokers give their user.
const SOMEBODY: u32 = 999;

/// The binary to look at; `None` leaves the test out, which CI does not.
fn binary() -> Option<PathBuf> {
    let said = std::env::var_os("LEVERET_STATIC_BINARY");
    if said.is_none() {
        assert!(std::env::var_os("CI").is_none(), "the gate says where the static binary is");
        eprintln!("left out: `cargo xtask test` builds a static binary and says LEVERET_STATIC_BINARY");
    }
    said.map(PathBuf::from)
}

/// A directory with the binary, a `/tmp` and a `/data`, and nothing else.
struct World(TempDir);

impl World {
    /// `None` for who may not make one.
    fn new() -> Option<Self> {
        let binary = binary()?;
        if !rustix::process::geteuid().is_root() {
            assert!(std::env::var_os("CI").is_none(), "CI runs as root");
            eprintln!("left out: only root can shut a process into a directory");
            return None;
        }
        let world = Self(tempfile::tempdir().unwrap());
        let root = world.0.path();
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(binary, root.join("leveret")).unwrap();
        for (name, mode) in [("tmp", 0o1777), ("data", 0o700)] {
            fs::create_dir(root.join(name)).unwrap();
            fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        Some(world)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// The binary in there, run by this user.
    fn command(&self, user: u32, arguments: &[&str]) -> Command {
        let mut command = Command::new("chroot");
        command.arg(format!("--userspec={user}:{user}")).arg(self.path()).arg("/leveret").args(arguments);
        // There is no `/proc` that says how large the memory is.
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("LEVERET_MEMORY_HIGH_WATERMARK", "256MiB");
        command
    }
}

#[test]
fn the_binary_needs_no_library() {
    let Some(binary) = binary() else { return };
    let bytes = fs::read(binary).unwrap();
    // An ELF file that is loaded by another program names it.
    let loader = b"/lib64/ld-linux";
    assert!(bytes.starts_with(b"\x7fELF"));
    let has_loader = bytes.windows(loader.len()).take(4096).any(|window| window == loader);
    assert!(!has_loader, "it asks for a dynamic loader");
}

#[tokio::test]
async fn it_serves_from_a_directory_that_has_nothing_else() {
    for user in [0, SOMEBODY] {
        let Some(world) = World::new() else { return };
        chown(world.path().join("data"), Some(user), Some(user)).unwrap();
        let arguments =
            ["serve", "--data-dir", "/data", "--listen", "127.0.0.1:0", "--http", "off", "--metrics", "off"];
        let mut served = Served::spawn(&mut world.command(user, &arguments));
        let address = served.address();
        served.until("Server startup complete");
        // What the image is asked by whoever wants to know whether it is well.
        let ping = world.command(user, &["ping", "--data-dir", "/data"]).status().unwrap();
        assert!(ping.success(), "{ping}");
        let mut peer = Peer::open_channel(address).await;
        peer.declare(1, "q").await;
        peer.publish(1, "q", b"through").await;
        peer.consume(1, "q").await;
        assert_eq!(peer.delivery(1).await.body, b"through", "as user {user}");
        drop(peer);
        let (printed, code) = served.end_by("TERM");
        assert_eq!(code, Some(0), "{printed:#?}");
        assert!(world.path().join("data/log").is_dir(), "what is kept is kept in there");
    }
}

#[test]
fn it_finds_names_without_a_library() {
    let Some(world) = World::new() else { return };
    fs::create_dir(world.path().join("etc")).unwrap();
    fs::write(world.path().join("etc/hosts"), "127.0.0.1 here.test\n").unwrap();
    // Nothing listens at port 1: what fails is the connection, not the name.
    let arguments = ["perf", "latency", "--url", "amqp://here.test:1"];
    let output = world.command(SOMEBODY, &arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("refused"), "{said}");
}

/// The output of a tool that finds fault with a file; `None` if it finds none, or is not there, which CI sees to.
fn faults(tool: &str, arguments: &[&str]) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = match Command::new(tool).args(arguments).current_dir(root).output() {
        Ok(output) => output,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "CI installs {tool}: {error}");
            eprintln!("left out: {tool} is not installed");
            return None;
        }
    };
    let said = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn scripts_and_the_recipe_of_the_image_have_no_faults() {
    assert_eq!(
        faults("shellcheck", &["packaging/image.sh", "packaging/docker-entrypoint.sh", ".ci/run"]),
        None
    );
    assert_eq!(faults("hadolint", &["Dockerfile"]), None);
}

#[test]
fn the_unit_is_one_that_systemd_understands() {
    let unit = include_str!("../packaging/leveret.service");
    // It looks for the program too.
    let unit = unit.replace("/usr/local/bin/leveret", env!("CARGO_BIN_EXE_leveret"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leveret.service");
    fs::write(&path, unit).unwrap();
    assert_eq!(faults("systemd-analyze", &["verify", path.to_str().unwrap()]), None);
}
