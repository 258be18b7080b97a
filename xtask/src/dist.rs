//! `leveret` as it is given away: one file that needs nothing of the system it runs on but its kernel.
//!
//! It is linked against the C library as an archive. What glibc loads at run time all the same (conversions of
//! character sets, sources of names beside files and DNS) is nothing that leveret asks for. The default allocator is
//! mimalloc, so that nothing depends on that library's either.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::workspace::{cargo, root};

/// The name of the step.
const STEP: &str = "dist";

/// More than this is not given away: it is a regression.
const LARGEST_BYTES: u64 = 15 * 1024 * 1024;

/// Random numbers are asked of the kernel at once: that library's function for it is looked for at run time, and
/// without it they would be read from a device that a bare directory does not have.
const RUSTFLAGS: &str = "-C target-feature=+crt-static --cfg getrandom_backend=\"linux_getrandom\"";

/// How it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// As it is given away.
    Release,
    /// To look whether it runs: the same but for the optimizer.
    Check,
}

impl Build {
    /// The profile of Cargo.toml.
    fn profile(self) -> &'static str {
        match self {
            Self::Release => "dist",
            Self::Check => "dist-check",
        }
    }
}

/// Builds `target/dist/leveret` and says what it is.
pub fn run() -> Result<(), Failure> {
    let built = build(Build::Release)?;
    let path = root().join("target/dist/leveret");
    let directory = path.parent().unwrap_or(root());
    fs::create_dir_all(directory)
        .and_then(|()| fs::copy(&built, &path))
        .map_err(|source| Failure::File { path: path.clone(), source })?;
    let bytes = fs::metadata(&path).map_err(|source| Failure::File { path: path.clone(), source })?.len();
    println!("{}: {bytes} bytes ({:.1} MiB), {}", path.display(), mebibytes(bytes), linked(&path)?);
    if LARGEST_BYTES < bytes {
        return Err(Failure::Unreadable {
            what: format!("a binary of {bytes} bytes: {LARGEST_BYTES} is the limit"),
        });
    }
    Ok(())
}

/// Builds it, and says where.
pub fn build(build: Build) -> Result<PathBuf, Failure> {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let words = [
        "build",
        "--locked",
        "--package",
        "leveret",
        "--bin",
        "leveret",
        "--profile",
        build.profile(),
        "--target",
        &target,
    ];
    eprintln!("==> {STEP}: cargo {}", words.join(" "));
    let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace('-', "_"));
    let mut command = cargo(&words);
    // With `--target` build scripts and macros are built without it, which they must be.
    command.env(flags, RUSTFLAGS).env_remove("RUSTFLAGS");
    let status = command.status().map_err(|source| Failure::NotStarted { step: STEP, source })?;
    if !status.success() {
        return Err(Failure::Failed { step: STEP, status });
    }
    Ok(target_directory().join(target).join(build.profile()).join("leveret"))
}

/// Where cargo leaves what it builds.
fn target_directory() -> PathBuf {
    let said: Option<OsString> = std::env::var_os("CARGO_TARGET_DIR");
    said.map_or_else(|| root().join("target"), |said| root().join(said))
}

/// What `ldd` says of it, which fails for a file that nothing has to be loaded for.
fn linked(path: &Path) -> Result<String, Failure> {
    let output = Command::new("ldd")
        .arg(path)
        .output()
        .map_err(|source| Failure::NotStarted { step: "ldd", source })?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    if said.contains("statically linked") || said.contains("not a dynamic executable") {
        Ok("statically linked".to_owned())
    } else {
        Err(Failure::Unreadable { what: format!("a binary that loads libraries:\n{said}") })
    }
}

#[expect(clippy::cast_precision_loss, reason = "printed with one digit")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1024 * 1024)
}
