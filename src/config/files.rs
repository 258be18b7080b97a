//! Which files are read, in which order: the one that was named or the one that is found where such files are, then those
//! of `conf.d` beside it in the order of their names. Of lines for the same key the last one counts.
//!
//! Invariant: a file that was named and is not there is a problem; one that nobody named is not missed.

use std::path::{Path, PathBuf};

use super::{Environment, Plan};

/// What is said instead of a file so that none is looked for.
const NONE: &str = "none";

/// What is left to RabbitMQ.
const ADVANCED: &str = "advanced.config";

/// The files to be read.
pub fn find(plan: &mut Plan, environment: &Environment) -> Vec<PathBuf> {
    let is_none = plan.config_file.as_deref() == Some(NONE.as_ref());
    let named = plan.config_file.clone().filter(|_| !is_none);
    let main = named.map(with_extension).or_else(|| if is_none { None } else { usual(environment) });
    let directory = main.as_deref().and_then(Path::parent).map(Path::to_owned);
    let directory = directory.or_else(|| Some(environment.etc()?.join("rabbitmq"))).filter(|_| !is_none);
    let more = match &plan.more_config {
        Some(pattern) => several(pattern),
        None => directory.iter().flat_map(|directory| within(&directory.join("conf.d"), "*.conf")).collect(),
    };
    let advanced = environment.variable("RABBITMQ_ADVANCED_CONFIG_FILE").map(PathBuf::from);
    let advanced = advanced.or_else(|| Some(directory?.join(ADVANCED)));
    if let Some(advanced) = advanced.filter(|path| path.exists()) {
        plan.warn(format!("{} is not read: its terms are of Erlang", advanced.display()));
    }
    main.into_iter().chain(more).collect()
}

/// Where services of the machine have their files.
fn usual(environment: &Environment) -> Option<PathBuf> {
    let etc = environment.etc()?;
    let own = etc.join("leveret/leveret.conf");
    let places = [own, etc.join("rabbitmq/rabbitmq.conf")];
    places.into_iter().find(|path| path.exists())
}

/// RabbitMQ lets the name be given without its extension.
fn with_extension(path: PathBuf) -> PathBuf {
    let longer = path.with_added_extension("conf");
    if !path.exists() && longer.exists() { longer } else { path }
}

/// A directory, a pattern of file names, or a file.
fn several(text: &str) -> Vec<PathBuf> {
    let path = Path::new(text);
    if path.is_dir() {
        return within(path, "*.conf");
    }
    match (path.parent(), path.file_name().and_then(|name| name.to_str())) {
        (Some(directory), Some(pattern)) if pattern.contains('*') => within(directory, pattern),
        _ => vec![with_extension(path.to_owned())],
    }
}

fn within(directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let fits = |path: &PathBuf| {
        path.is_file()
            && path.file_name().and_then(|name| name.to_str()).is_some_and(|name| is_like(name, pattern))
    };
    let mut paths: Vec<PathBuf> = paths.filter(fits).collect();
    paths.sort();
    paths
}

/// Whether a name is what a pattern of the shell says, where `*` is anything.
fn is_like(name: &str, pattern: &str) -> bool {
    let Some((front, back)) = pattern.split_once('*') else { return name == pattern };
    let Some(rest) = name.strip_prefix(front) else { return false };
    // Hidden files are nobody's configuration.
    (!front.is_empty() || !name.starts_with('.'))
        && (0..=rest.len()).filter_map(|at| rest.get(at..)).any(|rest| is_like(rest, back))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{Plan, resolve};
    use super::*;

    fn etc(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        directory
    }

    fn planned(directory: &tempfile::TempDir, variables: &[(&str, &str)]) -> Plan {
        let owned = variables.iter().map(|(name, value)| {
            let value = value.replace("ETC", &directory.path().display().to_string());
            ((*name).to_owned(), value)
        });
        resolve(&[], &Environment::of(owned).with_etc(directory.path())).unwrap()
    }

    #[test]
    fn files_are_found_where_rabbitmq_has_them_and_conf_d_comes_last() {
        let etc = etc(&[
            ("rabbitmq/rabbitmq.conf", "heartbeat = 1\nchannel_max = 1"),
            ("rabbitmq/conf.d/20-b.conf", "heartbeat = 3"),
            ("rabbitmq/conf.d/10-a.conf", "heartbeat = 2"),
            ("rabbitmq/conf.d/30-no.txt", "heartbeat = 4"),
            ("rabbitmq/advanced.config", "[]."),
        ]);
        let plan = planned(&etc, &[]);
        assert_eq!((plan.settings.heartbeat_secs, plan.settings.channel_max), (3, 1));
        assert_eq!(plan.config_files.len(), 3);
        assert!(plan.notes.iter().any(|note| note.text.ends_with("is not read: its terms are of Erlang")));
    }

    #[test]
    fn leverets_own_file_comes_instead_of_rabbitmqs() {
        let etc = etc(&[
            ("rabbitmq/rabbitmq.conf", "heartbeat = 1"),
            ("rabbitmq/conf.d/a.conf", "heartbeat = 2"),
            ("leveret/leveret.conf", "heartbeat = 3"),
        ]);
        assert_eq!(planned(&etc, &[]).settings.heartbeat_secs, 3);
    }

    #[test]
    fn conf_d_is_read_without_a_main_file_too() {
        let etc = etc(&[("rabbitmq/conf.d/a.conf", "heartbeat = 2")]);
        assert_eq!(planned(&etc, &[]).settings.heartbeat_secs, 2);
    }

    #[test]
    fn none_is_read_if_that_is_wanted() {
        let etc =
            etc(&[("rabbitmq/rabbitmq.conf", "heartbeat = 1"), ("rabbitmq/conf.d/a.conf", "heartbeat = 2")]);
        let plan = planned(&etc, &[("LEVERET_CONFIG", "none")]);
        assert_eq!((plan.settings.heartbeat_secs, plan.config_files), (60, vec![]));
    }

    #[test]
    fn variables_name_other_files_with_or_without_their_extension() {
        let etc = etc(&[
            ("rabbitmq/rabbitmq.conf", "heartbeat = 1"),
            ("mine/my.conf", "heartbeat = 2"),
            ("mine/conf.d/beside.conf", "heartbeat = 3"),
            ("more/a.conf", "heartbeat = 4"),
            ("more/b.conf", "channel_max = 5"),
        ]);
        let heartbeat = |variables: &[(&str, &str)]| planned(&etc, variables).settings.heartbeat_secs;
        assert_eq!(heartbeat(&[("RABBITMQ_CONFIG_FILE", "ETC/mine/my")]), 3);
        let mine = ("RABBITMQ_CONFIG_FILE", "ETC/mine/my.conf");
        assert_eq!(heartbeat(&[mine, ("RABBITMQ_CONFIG_FILES", "ETC/more")]), 4);
        assert_eq!(heartbeat(&[mine, ("RABBITMQ_CONFIG_FILES", "ETC/more/b*.conf")]), 2);
        assert_eq!(heartbeat(&[("RABBITMQ_CONFIG_FILES", "ETC/more/*.conf")]), 4);
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (name, pattern, fits) in [
            ("a.conf", "*.conf", true),
            ("a.conf", "a*", true),
            ("a.conf", "*b*", false),
            ("abc", "a*c", true),
            (".a.conf", "*.conf", false),
            ("a", "a", true),
        ] {
            assert_eq!(is_like(name, pattern), fits, "{name} {pattern}");
        }
    }
}
