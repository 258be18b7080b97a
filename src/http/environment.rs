//! What the broker is set to, by the names that this has in RabbitMQ's environment. No password is in it.
//!
//! What can be changed while the broker runs is told as it is now, the rest as it was at the start.

use serde_json::{Value, json};

use super::answer::Answer;
use super::api::Api;
use super::nodes;
use super::request::Request;
use super::route::Outcome;
use crate::memory;
use crate::settings::Watermark;

/// For whoever may see it.
pub fn tell(request: &Request) -> Outcome {
    Ok(Answer::json(&of(&request.api)))
}

fn of(api: &Api) -> Value {
    let settings = &api.beginning;
    json!({
        "rabbit": {
            "node": api.node(),
            "tcp_listeners": listeners(api, "amqp"),
            "ssl_listeners": listeners(api, "amqp/ssl"),
            "heartbeat": settings.heartbeat_secs,
            "frame_max": settings.frame_max_bytes,
            "channel_max": settings.channel_max,
            "max_message_size": settings.message_max_bytes,
            "consumer_timeout": settings.consumer_timeout.map(|timeout| u64::try_from(timeout.as_millis()).ok()),
            "vm_memory_high_watermark": watermark(api),
            "disk_free_limit": api.shared.controls.disk_limit_bytes(),
            "loopback_users": settings.loopback_users,
            "default_user": settings.seed.user,
            "default_vhost": settings.seed.vhost,
            "data_dir": nodes::data_dir(api),
            "config_files": nodes::config_files(api),
            "log_files": settings.log_files,
        },
        "rabbitmq_management": {
            "tcp_listeners": listeners(api, "http"),
            "ssl_listeners": listeners(api, "https"),
            "path_prefix": api.settings.path_prefix,
            "cors_allow_origins": api.settings.cors_origins,
            "max_body_size": api.settings.max_body_bytes,
            "rates_mode": api.settings.rates_mode.as_str(),
        },
        "rabbitmq_prometheus": {
            "tcp_listeners": listeners(api, "http/prometheus"),
            "ssl_listeners": listeners(api, "https/prometheus"),
            "path": settings.metrics.path,
            "return_per_object_metrics": settings.metrics.per_object,
            "authentication": settings.metrics.asks_for_login,
        },
    })
}

fn listeners(api: &Api, protocol: &str) -> Vec<String> {
    let own = api.listeners.iter().filter(|listener| listener.protocol == protocol);
    own.map(|listener| listener.address.to_string()).collect()
}

/// The part of the memory, too, if that was asked for and nobody has moved the limit since.
fn watermark(api: &Api) -> Value {
    let now = api.shared.controls.memory_limit_bytes();
    match api.beginning.memory_high_watermark {
        Some(asked @ Watermark::Relative(part)) if memory::limit_bytes(asked) == now => {
            json!({"relative": part, "absolute": now})
        }
        _ => json!({"absolute": now}),
    }
}
