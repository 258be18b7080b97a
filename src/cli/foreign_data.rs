//! Whether a directory has the data of a RabbitMQ node, which this broker does not read: whoever expects its messages is
//! to hear that at the start.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What a node of RabbitMQ has in its directory; no other program calls its files so.
const OF_A_NODE: &[&str] =
    &["msg_stores", "cluster_nodes.config", "nodes_running_at_shutdown", "schema.DAT", "node-type.txt"];

/// Where RabbitMQ's data is, if it is in this directory or the one around it. There it is under its base, `mnesia`, in a
/// directory that is named after its node.
pub fn of_rabbitmq(directory: &Path) -> Option<PathBuf> {
    let around = directory.parent();
    let bases = [Some(directory), around].into_iter().flatten();
    bases.flat_map(|base| [base.to_owned(), base.join("mnesia")]).find_map(|base| found_in(&base))
}

fn found_in(base: &Path) -> Option<PathBuf> {
    if is_of_a_node(base) {
        return Some(base.to_owned());
    }
    let entries = std::fs::read_dir(base).ok()?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let has_a_nodes_name =
        |path: &PathBuf| path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.contains('@'));
    paths.find(|path| has_a_nodes_name(path) && is_of_a_node(path))
}

fn is_of_a_node(directory: &Path) -> bool {
    OF_A_NODE.iter().any(|name| directory.join(name).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nodes_data_is_found_where_rabbitmq_keeps_it() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for path in
            ["a/mnesia/rabbit@host/msg_stores", "b/quorum", "b/msg_stores", "c/leveret/log", "c/x@y/other"]
        {
            std::fs::create_dir_all(at(path)).unwrap();
        }
        let node = Some(at("a/mnesia/rabbit@host"));
        assert_eq!(of_rabbitmq(&at("a")), node);
        // `RABBITMQ_MNESIA_BASE` puts leveret's beside the node's.
        assert_eq!(of_rabbitmq(&at("a/mnesia/leveret")), node);
        assert_eq!(of_rabbitmq(&at("b")), Some(at("b")));
        assert_eq!(of_rabbitmq(&at("c/leveret")), None);
        assert_eq!(of_rabbitmq(&at("nowhere")), None);
    }
}
