//! Where everything is: the root of the workspace, and the cargo that runs this program there.

use std::path::Path;
use std::process::Command;

/// The root of the workspace.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The cargo that runs this program, in the root of the workspace.
///
/// It is not told of this package, as cargo tells every program that it runs: build scripts look at that, and would
/// begin again with all that depends on them.
pub fn cargo(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words).current_dir(root());
    let is_ours = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| is_ours(name)) {
        command.env_remove(name);
    }
    command
}

/// Whether nothing may be left out: CI installs what it needs.
pub fn is_ci() -> bool {
    std::env::var_os("CI").is_some()
}
