//! The keys that RabbitMQ knows and this version does not serve.
//!
//! They are refused like unknown keys, with another sentence: the operator's file is right and the broker
//! is what lacks something. A key moves from here to the options when it begins to mean something.

use super::options::settings;
use super::tls;

/// Whole keys, or beginnings that end in a dot.
const NOT_SERVED: &[&str] = &[
    "auth_backends.",
    "auth_http.",
    "auth_ldap.",
    "auth_oauth2.",
    "background_gc_enabled",
    "background_gc_target_interval",
    "channel_max_per_node",
    "channel_operation_timeout",
    "classic_queue.",
    "cluster_exchange_limit",
    "cluster_formation.",
    "cluster_keepalive_interval",
    "cluster_name",
    "cluster_partition_handling",
    "cluster_partition_handling.",
    "cluster_queue_limit",
    "cluster_tags.",
    "collect_statistics",
    "collect_statistics_interval",
    "connection_max",
    "consumer_disconnected_timeout",
    "consumer_max_per_channel",
    "credential_validator.",
    "default_limits.",
    "default_password_hashing_module",
    "default_policies.",
    "default_queue_type",
    "default_users.",
    "definitions.",
    "delegate_count",
    "deprecated_features.",
    "disk_monitor.",
    "distribution.",
    "federation.",
    "handshake_timeout",
    "hipe_compile",
    "initial_frame_max",
    "link_max_per_session",
    "log.",
    "management.",
    "management_agent.",
    "max_connections",
    "memory_monitor_interval",
    "message_interceptors.",
    "mirroring_flow_control",
    "mirroring_sync_batch_size",
    "mnesia_table_loading_retry_limit",
    "mnesia_table_loading_retry_timeout",
    "mqtt.",
    "msg_store_file_size_limit",
    "net_ticktime",
    "node_tags.",
    "num_acceptors.",
    "password_hashing_module",
    "product.",
    "prometheus.",
    "proxy_protocol",
    "queue_index_embed_msgs_below",
    "queue_leader_locator",
    "queue_master_locator",
    "quorum_commands_soft_limit",
    "quorum_queue.",
    "raft.",
    "reverse_dns_lookups",
    "session_max_per_connection",
    "shovel.",
    "socket_writer.",
    "stomp.",
    "stream.",
    "tcp_listen_options",
    "tcp_listen_options.",
    "total_memory_available_override_value",
    "track_auth_attempt_source",
    "vhost_max",
    "vhost_restart_strategy",
    "vm_memory_calculation_strategy",
    "vm_memory_high_watermark_paging_ratio",
    "web_mqtt.",
    "web_stomp.",
];

/// What to say of a key that is no option.
pub fn refusal(key: &str) -> String {
    if let Some(reason) = tls::reason(key) {
        return reason.to_owned();
    }
    if is_not_served(key) {
        return "RabbitMQ knows this key, this version of leveret does not serve it yet: take the line out"
            .to_owned();
    }
    match nearest(key) {
        Some(near) => format!("there is no setting with this name; did you mean `{near}`?"),
        None => "there is no setting with this name".to_owned(),
    }
}

fn is_not_served(key: &str) -> bool {
    NOT_SERVED.iter().any(|known| match known.strip_suffix('.') {
        Some(_) => key.starts_with(known) && known.len() < key.len(),
        None => *known == key,
    })
}

/// The served key that is at most two letters away.
fn nearest(key: &str) -> Option<&'static str> {
    let served = settings().flat_map(|setting| setting.keys.iter().copied());
    served
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
        for key in settings().flat_map(|setting| setting.keys) {
            // `log.` stands for the rest of that family.
            assert!(key.starts_with("log.") || !is_not_served(key), "{key}");
        }
    }

    #[test]
    fn unknown_keys_get_a_suggestion_when_one_is_near() {
        assert_eq!(refusal("hearbeat"), "there is no setting with this name; did you mean `heartbeat`?");
        assert_eq!(refusal("no.such.key"), "there is no setting with this name");
        assert!(refusal("mqtt.vhost").starts_with("RabbitMQ knows this key"));
        assert_eq!(refusal("ssl_options."), "there is no setting with this name");
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
