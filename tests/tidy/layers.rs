//! Who may depend on whom. No arrow points up: the rules know no socket, and the log knows no AMQP.

use toml::{Table, Value};

use crate::source::Source;
use crate::{Finding, assert_tidy, source};

/// Each package of the workspace, and the packages of the workspace that it may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("leveret-codec", &[]),
    ("leveret-routing", &["leveret-codec"]),
    ("leveret-storage", &[]),
    ("leveret-core", &["leveret-codec", "leveret-routing"]),
    // Not `leveret-routing`: topology is a matter of the rules alone.
    ("leveret", &["leveret-codec", "leveret-core", "leveret-storage"]),
    // Foreign clients see what any program sees: the running command.
    ("leveret-interop", &[]),
    ("leveret-interop-lapin", &["leveret-interop"]),
    ("leveret-interop-program", &[]),
    ("leveret-interop-amqprs", &["leveret-interop-program"]),
    ("leveret-interop-matrix-lapin", &["leveret-interop-program"]),
    ("xtask", &[]),
    // It measures what any program sees: the running command.
    ("leveret-bench", &[]),
];

fn findings(manifest: &Source) -> Vec<Finding> {
    let at_top = |what: String| vec![Finding::new(&manifest.path, 1, what)];
    let table: Table = match manifest.text.parse() {
        Ok(table) => table,
        Err(error) => return at_top(format!("is no TOML: {error}")),
    };
    let Some(package) = table.get("package").and_then(|package| package.get("name")).and_then(Value::as_str)
    else {
        return at_top("has no package.name".to_owned());
    };
    let Some((_, below)) = LAYERS.iter().find(|(name, _)| *name == package) else {
        return at_top(format!("`{package}` is in no layer: give it its place in tests/tidy/layers.rs"));
    };
    dependencies(&table)
        .into_iter()
        .filter(|to| {
            LAYERS.iter().any(|(name, _)| name == to) && to != package && !below.contains(&to.as_str())
        })
        .map(|to| {
            let line = manifest.lines().filter(|(_, line)| line.contains(&to)).map(|(line, _)| line).last();
            Finding::new(&manifest.path, line.unwrap_or(1), format!("`{package}` may not depend on `{to}`"))
        })
        .collect()
}

/// What a manifest names in any of its dependency tables, those of a target included.
fn dependencies(manifest: &Table) -> Vec<String> {
    let mut tables = vec![manifest];
    let targets = manifest.get("target").and_then(Value::as_table);
    tables.extend(targets.into_iter().flat_map(|targets| targets.values()).filter_map(Value::as_table));
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    tables
        .iter()
        .flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()))
        .flat_map(|dependencies| dependencies.iter())
        .map(|(name, value)| value.get("package").and_then(Value::as_str).unwrap_or(name).to_owned())
        .collect()
}

#[test]
fn no_arrow_between_crates_points_up() {
    let manifests = source::all().into_iter().filter(|source| {
        source.path.ends_with("Cargo.toml")
            && (!source.path.starts_with("fuzz/") && !source.path.contains("/fuzz/"))
    });
    assert_tidy(
        "Who may depend on whom is in tests/tidy/layers.rs.",
        manifests.flat_map(|m| findings(&m)).collect(),
    );
}

#[test]
fn an_arrow_that_points_up_is_found() {
    let manifest = Source::new(
        "crates/codec/Cargo.toml",
        "[package]\nname = \"leveret-codec\"\n[dependencies]\nbytes = \"1\"\n[target.'cfg(unix)'.dev-dependencies]\nrules = { package = \"leveret-core\" }\n",
    );
    let found = findings(&manifest);
    assert_eq!(found, [Finding::new(&manifest.path, 6, "`leveret-codec` may not depend on `leveret-core`")]);
}

#[test]
fn a_package_without_a_layer_is_found() {
    let found = findings(&Source::new("crates/new/Cargo.toml", "[package]\nname = \"leveret-new\"\n"));
    assert!(found.iter().any(|found| found.what.contains("is in no layer")), "{found:?}");
}
