//! The keys and variables that RabbitMQ knows and that change nothing here: taken, with a word about why.
//!
//! A key that nobody knows is named in the log, with the nearest one that somebody knows, and does not stop the start: a
//! file for RabbitMQ of another version is full of them. A key moves from here to the options when it begins to mean
//! something.

use super::options::settings;
use super::tls;

/// How much is missed where a key means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What it is about is not here, or takes care of itself: nobody will miss it.
    None(&'static str),
    /// What it asks for does not happen.
    Missed(&'static str),
}

use Effect::{Missed, None as Nothing};

/// What a key is to this broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One of the options.
    Served,
    /// Known, and without an effect.
    Inert(Effect),
    /// It cannot be kept, and leaving it out would be worse than not to start.
    Refused(&'static str),
    /// Nobody knows it; perhaps this one was meant.
    Unknown(Option<&'static str>),
}

const ONE_NODE: Effect = Nothing("it is about clusters, and this is a single broker");
const NO_ERLANG: Effect = Nothing("it is about Erlang's runtime, which is not here");
const OWN_SOCKETS: Effect = Nothing("sockets are set up by the broker itself");
const OWN_STORAGE: Effect = Nothing("messages are kept in another way here");
const NO_BACKEND: Effect = Missed("users are looked up in the broker itself only");
const NO_UPSTREAMS: Effect = Missed("this version has no federation and no shovels");
const NO_TEMPLATES: Effect = Missed("virtual hosts get no users, limits or policies by a template");
const NO_LIMIT: Effect = Missed("this version does not limit it");
const NO_DETAIL: Effect = Nothing("the HTTP API takes care of it");

/// Whole keys, or beginnings that end in a dot; the first that fits counts.
pub const KNOWN: &[(&str, Effect)] = &[
    ("auth_http.", NO_BACKEND),
    ("auth_ldap.", NO_BACKEND),
    ("auth_oauth2.", NO_BACKEND),
    ("auth_cache.", NO_BACKEND),
    ("background_gc_enabled", NO_ERLANG),
    ("background_gc_target_interval", NO_ERLANG),
    ("channel_max_per_node", NO_LIMIT),
    ("channel_operation_timeout", Nothing("channels wait for nothing that could take long")),
    ("classic_queue.", OWN_STORAGE),
    ("cluster_exchange_limit", NO_LIMIT),
    ("cluster_formation.", ONE_NODE),
    ("cluster_keepalive_interval", ONE_NODE),
    ("cluster_partition_handling", ONE_NODE),
    ("cluster_partition_handling.", ONE_NODE),
    ("cluster_queue_limit", NO_LIMIT),
    ("collect_statistics", Nothing("numbers are counted as they happen")),
    ("collect_statistics_interval", Nothing("numbers are counted as they happen")),
    ("connection_max", NO_LIMIT),
    ("consumer_disconnected_timeout", ONE_NODE),
    ("consumer_max_per_channel", NO_LIMIT),
    ("credential_validator.", Missed("passwords are taken as they are given")),
    ("default_limits.", NO_TEMPLATES),
    ("default_password_hashing_module", Nothing("new passwords are hashed with SHA-256")),
    ("default_policies.", NO_TEMPLATES),
    ("default_users.", NO_TEMPLATES),
    ("definitions.https.", Missed("definitions come from files only")),
    ("definitions.http.", Missed("definitions come from files only")),
    ("definitions.tls.", Missed("definitions come from files only")),
    ("definitions.hashing.", Nothing("unchanged definitions are known by SHA-256")),
    ("delegate_count", NO_ERLANG),
    ("deprecated_features.", Nothing("what RabbitMQ deprecates is served as before")),
    ("disk_monitor.", Nothing("the disk is looked at often enough")),
    ("distribution.", ONE_NODE),
    ("erlang.", NO_ERLANG),
    ("federation.", NO_UPSTREAMS),
    ("handshake_timeout", Nothing("a client has 10 seconds to log in, as RabbitMQ's default is")),
    ("hipe_compile", NO_ERLANG),
    ("http_dispatch.", Missed("requests are not written to files")),
    ("initial_frame_max", Nothing("frames before the handshake are as large as they need to be")),
    ("kernel.", NO_ERLANG),
    ("link_max_per_session", Missed("AMQP 1.0 is not spoken")),
    ("session_max_per_connection", Missed("AMQP 1.0 is not spoken")),
    ("log.exchange", Missed("the log goes to standard output, not to an exchange")),
    ("log.exchange.", Missed("the log goes to standard output, not to an exchange")),
    ("log.syslog", Missed("the log goes to standard output, not to syslog")),
    ("log.syslog.", Missed("the log goes to standard output, not to syslog")),
    ("log.journald", Nothing("the log goes to standard output, which a service has in its journal")),
    ("log.journald.", Nothing("the log goes to standard output, which a service has in its journal")),
    ("log.file.", Missed("the log goes to standard output, not to files")),
    ("log.dir", Missed("the log goes to standard output, not to files")),
    ("log.", Nothing("lines have their own form")),
    ("management.http_log_dir", Missed("requests are not written to files")),
    ("management.oauth_", Missed("users are looked up in the broker itself only")),
    ("management.disable_basic_auth", Missed("users log in with name and password")),
    ("management.csp.", NO_DETAIL),
    ("management.hsts.", NO_DETAIL),
    ("management.headers.", NO_DETAIL),
    ("management.", NO_DETAIL),
    ("management_agent.", NO_DETAIL),
    ("max_connections", NO_LIMIT),
    ("memory_monitor_interval", Nothing("memory is looked at often enough")),
    ("message_interceptors.", Missed("messages get no headers on their way in or out")),
    ("mirroring_flow_control", ONE_NODE),
    ("mirroring_sync_batch_size", ONE_NODE),
    ("mnesia_table_loading_retry_limit", ONE_NODE),
    ("mnesia_table_loading_retry_timeout", ONE_NODE),
    ("mqtt.", Missed("MQTT is not spoken")),
    ("msg_store_file_size_limit", OWN_STORAGE),
    ("net_ticktime", ONE_NODE),
    ("node_tags.", Nothing("a single broker needs no words about its nodes")),
    ("num_acceptors.", OWN_SOCKETS),
    (
        "password_hashing_module",
        Nothing("new passwords are hashed with SHA-256; those of definitions stay as they are"),
    ),
    ("product.", Nothing("it tells its own name")),
    ("prometheus.", Nothing("the page of metrics takes care of it")),
    ("queue_index_embed_msgs_below", OWN_STORAGE),
    ("queue_leader_locator", ONE_NODE),
    ("queue_master_locator", ONE_NODE),
    ("quorum_commands_soft_limit", ONE_NODE),
    ("quorum_queue.property_equivalence.", Missed("a queue that is declared again must be declared alike")),
    ("quorum_queue.", ONE_NODE),
    ("raft.", ONE_NODE),
    ("reverse_dns_lookups", Nothing("peers are told by their addresses")),
    ("shovel.", NO_UPSTREAMS),
    ("socket_writer.", OWN_SOCKETS),
    ("ssl_allow_poodle_attack", Nothing("versions of TLS that it concerns are not spoken")),
    ("ssl_options.dh", tls::NO_DH),
    ("ssl_options.dhfile", tls::NO_DH),
    ("ssl_options.hibernate_after", NO_ERLANG),
    ("ssl_options.log_level", NO_ERLANG),
    ("ssl_options.log_alert", NO_ERLANG),
    (
        "ssl_options.signature_algs.",
        Nothing("signature algorithms are those of rustls, none of which is weak"),
    ),
    ("stomp.", Missed("STOMP is not spoken")),
    ("stream.", Missed("the stream protocol is not spoken")),
    ("tcp_listen_options", OWN_SOCKETS),
    ("tcp_listen_options.", OWN_SOCKETS),
    (
        "total_memory_available_override_value",
        Missed("memory is measured: give `vm_memory_high_watermark.absolute` for another limit"),
    ),
    ("track_auth_attempt_source", Nothing("attempts to log in are counted by protocol")),
    ("trust_store.", NO_BACKEND),
    ("vhost_max", NO_LIMIT),
    ("vhost_restart_strategy", NO_ERLANG),
    ("vm_memory_calculation_strategy", Nothing("memory is what the operating system says")),
    ("vm_memory_high_watermark_paging_ratio", OWN_STORAGE),
    ("web_mqtt.", Missed("MQTT is not spoken")),
    ("web_stomp.", Missed("STOMP is not spoken")),
];

/// Variables of RabbitMQ's images and scripts that change nothing, and the wild ones that container tools add are in
/// neither list.
pub const KNOWN_VARIABLES: &[&str] = &[
    "RABBITMQ_BASE",
    "RABBITMQ_CONFIG_ARG_FILE",
    "RABBITMQ_CONF_ENV_FILE",
    "RABBITMQ_CTL_DIST_PORT_MAX",
    "RABBITMQ_CTL_DIST_PORT_MIN",
    "RABBITMQ_CTL_ERL_ARGS",
    "RABBITMQ_DATA_DIR",
    "RABBITMQ_DIST_PORT",
    "RABBITMQ_ENABLED_PLUGINS",
    "RABBITMQ_ENABLED_PLUGINS_FILE",
    "RABBITMQ_ERLANG_COOKIE",
    "RABBITMQ_FEATURE_FLAGS",
    "RABBITMQ_FEATURE_FLAGS_FILE",
    "RABBITMQ_FORCE_PLUGIN_UPGRADE",
    "RABBITMQ_GENERATED_CONFIG_DIR",
    "RABBITMQ_HOME",
    "RABBITMQ_IGNORE_SIGTERM",
    "RABBITMQ_IO_THREAD_POOL_SIZE",
    "RABBITMQ_KEEP_PID_FILE_ON_EXIT",
    "RABBITMQ_LOGS",
    "RABBITMQ_LOG_BASE",
    "RABBITMQ_MAX_NUMBER_OF_ATOMS",
    "RABBITMQ_MAX_NUMBER_OF_PROCESSES",
    "RABBITMQ_MOTD_FILE",
    "RABBITMQ_PGP_KEY_ID",
    "RABBITMQ_PID_FILE",
    "RABBITMQ_PLUGINS_DIR",
    "RABBITMQ_PLUGINS_EXPAND_DIR",
    "RABBITMQ_PRODUCT_NAME",
    "RABBITMQ_PRODUCT_VERSION",
    "RABBITMQ_QUORUM_DIR",
    "RABBITMQ_SCHEMA_DIR",
    "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
    "RABBITMQ_SERVER_CODE_PATH",
    "RABBITMQ_SERVER_ERL_ARGS",
    "RABBITMQ_SERVER_START_ARGS",
    "RABBITMQ_STREAM_DIR",
    "RABBITMQ_USE_LONGNAME",
    "RABBITMQ_VERSION",
];

/// How RabbitMQ marks a value that it is to decrypt with a passphrase.
const ENCRYPTED: &str = "encrypted:";
const NO_SECRETS: &str = "encrypted values are not decrypted here: let the file say `$(NAME)`, and give the value in \
                          that environment variable";

/// What a key is, with this value: what says "no" to something that is not here misses nothing.
pub fn verdict(key: &str, value: &str) -> Verdict {
    if settings().any(|setting| setting.has_key(key)) {
        return if value.starts_with(ENCRYPTED) { Verdict::Refused(NO_SECRETS) } else { Verdict::Served };
    }
    if let Some(reason) = tls::reason(key) {
        return Verdict::Refused(reason);
    }
    let known = KNOWN.iter().find(|(known, _)| is_meant(known, key));
    match known {
        Some((_, Missed(why))) if ["false", "off", "none"].contains(&value) => Verdict::Inert(Nothing(why)),
        Some((_, effect)) => Verdict::Inert(*effect),
        None => Verdict::Unknown(nearest(key)),
    }
}

/// Whether a row of a table, which may be the beginning of a family, is about a key.
pub fn is_meant(known: &str, key: &str) -> bool {
    let is_family = known.ends_with(['.', '_']);
    known == key || (is_family && key.starts_with(known) && known.len() < key.len())
}

/// What to say of a key that nobody knows.
pub fn unknown(near: Option<&str>) -> String {
    match near {
        Some(near) => format!("there is no setting with this name; did you mean `{near}`?"),
        None => "there is no setting with this name".to_owned(),
    }
}

/// The key that is at most two letters away.
fn nearest(key: &str) -> Option<&'static str> {
    let served = settings().flat_map(|setting| setting.keys.iter().copied());
    let whole = KNOWN.iter().map(|(known, _)| *known).filter(|known| !known.ends_with('.'));
    served
        .chain(whole)
        .map(|candidate| (distance(key, candidate), candidate))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, l) in left.chars().enumerate() {
        let mut next = vec![index + 1];
        for (r, above) in right.iter().zip(row.windows(2)) {
            let &[diagonal, above] = above else { continue };
            let before = next.last().copied().unwrap_or_default();
            next.push((diagonal + usize::from(l != *r)).min(above + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_served_or_known_or_neither_but_never_two_of_them() {
        let whole: Vec<&str> =
            KNOWN.iter().map(|(known, _)| *known).filter(|known| !known.ends_with('.')).collect();
        for key in settings().flat_map(|setting| setting.keys) {
            assert!(!whole.contains(key), "{key}");
            // Families stand for the rest of them, where some are served.
            assert!(tls::reason(key).is_none(), "{key}");
        }
        for (at, (known, _)) in KNOWN.iter().enumerate() {
            let before = KNOWN.iter().take(at).find(|(other, _)| is_meant(other, known));
            assert_eq!(before, None, "{known} can't be reached");
        }
        let variables = settings().flat_map(|setting| setting.environment);
        for variable in variables {
            assert!(!KNOWN_VARIABLES.contains(variable), "{variable}");
        }
    }

    #[test]
    fn every_key_is_what_it_is_known_as() {
        let of = |key: &str| verdict(key, "x");
        let unknown = |near| Verdict::Unknown(near);
        assert_eq!(of("hearbeat"), unknown(Some("heartbeat")));
        assert_eq!(of("vhost_mx"), unknown(Some("vhost_max")));
        assert_eq!(of("no.such.key"), unknown(None));
        assert_eq!(of("listeners.tcp.default"), Verdict::Served);
        assert_eq!(of("mqtt.vhost"), Verdict::Inert(Missed("MQTT is not spoken")));
        assert_eq!(
            verdict("log.syslog", "false"),
            Verdict::Inert(Nothing("the log goes to standard output, not to syslog"))
        );
        assert_eq!(of("num_acceptors.tcp"), Verdict::Inert(OWN_SOCKETS));
        assert!(matches!(of("ssl_options.password"), Verdict::Refused(_)));
        assert_eq!(verdict("default_pass", "encrypted:c2VjcmV0"), Verdict::Refused(NO_SECRETS));
    }

    #[test]
    fn distances_count_letters() {
        for (left, right, expected) in
            [("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }
}
