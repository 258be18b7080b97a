//! What only processes of the broker's own user may ask, over the local socket: to end, to stop and start, to forget
//! everything, to change limits.

use leveret_core::model::Broker;
use serde_json::Value;

use super::access::Access;
use super::answer::{Answer, Problem};
use super::contract::Tells;
use super::environment;
use super::request::Request;
use super::route::{Outcome, Row};
use crate::definitions::{self, Beginning, Recipient};
use crate::settings::{DiskLimit, Watermark};
use crate::{disk_space, memory};

pub const ROWS: &[Row] = &[
    Row::post("/local/shutdown", Access::Local, shutdown, "Ends the broker."),
    Row::post("/local/app/stop", Access::Local, stop, "Closes all connections and lets no more in."),
    Row::post("/local/app/start", Access::Local, start, "Lets connections in again."),
    Row::post("/local/reset", Access::Local, reset, "Deletes everything and begins as a new broker does."),
    Row::get("/local/environment", Access::Local, environment::tell, "What the broker is set to."),
    Row::get("/api/config/effective", Access::Administrator, environment::tell, "What the broker is set to.")
        .tells(Tells::Value("Environment")),
    Row::put("/local/log/level", Access::Local, log, "Logs more, or less."),
    Row::put(
        "/local/tracing/:name",
        Access::Local,
        trace,
        "Copies the messages of a virtual host, or not any more.",
    ),
    Row::put(
        "/local/memory-high-watermark",
        Access::Local,
        limit_memory,
        "Holds publishers back above so much memory.",
    ),
    Row::put(
        "/local/disk-free-limit",
        Access::Local,
        limit_disk,
        "Holds publishers back below so much free space.",
    ),
];

/// The reason that clients are told, as RabbitMQ tells it.
const STOPPED: &str = "broker forced connection closure with reason 'shutdown'";

fn shutdown(request: &Request) -> Outcome {
    tracing::info!("asked to end over the local socket");
    request.api.shared.controls.end.cancel();
    Ok(Answer::done())
}

fn stop(request: &Request) -> Outcome {
    tracing::info!("stopped by an operator: no connections are let in");
    request.api.shared.controls.set_stopped(true);
    request.change(|_, effects| request.core().let_nobody_in(STOPPED, effects));
    Ok(Answer::done())
}

fn start(request: &Request) -> Outcome {
    tracing::info!("started by an operator: connections are let in again");
    request.core().let_in();
    request.api.shared.controls.set_stopped(false);
    Ok(Answer::done())
}

fn reset(request: &Request) -> Outcome {
    if !request.api.shared.controls.is_stopped() {
        return Err(Problem::bad_request("it serves clients: stop it first (`rabbitmqctl stop_app`)"));
    }
    tracing::warn!("an operator deletes everything: the broker begins anew");
    let core = request.core();
    // Users first: a broker that is killed half way has none, so the next start gives it its first one again.
    for user in core.users() {
        request.change(|_, effects| core.delete_user(&user.name, effects));
    }
    for vhost in core.vhosts() {
        request.change(|now, effects| core.delete_vhost(now, vhost.name(), effects));
    }
    forget_parameters(core);
    let settings = &request.api.beginning;
    let beginning =
        Beginning { seed: &settings.seed, cluster_tags: &settings.cluster_tags, skip_if_unchanged: false };
    let begun = request.change(|now, effects| {
        definitions::apply(Recipient { core, now, effects }, &[], &beginning).map(drop)
    });
    begun.map_err(|error| Problem::bad_request(error.to_string()))?;
    Ok(Answer::done())
}

/// Those of virtual hosts have gone with them.
fn forget_parameters(core: &Broker) {
    for parameter in core.global_parameters() {
        core.delete_global_parameter(&parameter.name);
    }
}

/// The log is the program's: one that embeds a broker may have nothing to say of it.
fn log(request: &Request) -> Outcome {
    let fields = request.fields()?;
    let level = fields.required_text("level")?;
    let hooks = request.api.shared.hooks.as_ref();
    let hooks =
        hooks.ok_or_else(|| Problem::bad_request("the program that has this broker keeps its own log"))?;
    hooks.set_log_level(level).map_err(Problem::bad_request)?;
    tracing::info!("what is logged was set to {level} by an operator");
    Ok(Answer::done())
}

fn trace(request: &Request) -> Outcome {
    let on = request.fields()?.flag("on")?.unwrap_or(true);
    let vhost = request.core().vhost(request.value("name")).ok_or_else(Problem::not_found)?;
    vhost.set_tracing(on);
    Ok(Answer::done())
}

fn limit_memory(request: &Request) -> Outcome {
    let controls = &request.api.shared.controls;
    if controls.memory_limit_bytes().is_none() {
        return Err(Problem::bad_request("memory is not watched here: no watermark was set at the start"));
    }
    let watermark = match limit(request)? {
        Limit::Relative(part) => Watermark::Relative(part),
        Limit::Absolute(bytes) => Watermark::Absolute(bytes),
    };
    let unknown = || Problem::bad_request("how much memory this machine has is not known: give `absolute`");
    let bytes = memory::limit_bytes(watermark).ok_or_else(unknown)?;
    tracing::info!("Memory high watermark set to {}", memory::Mebibytes(bytes));
    controls.set_memory_limit_bytes(bytes);
    Ok(Answer::done())
}

fn limit_disk(request: &Request) -> Outcome {
    let controls = &request.api.shared.controls;
    if controls.disk_limit_bytes().is_none() {
        return Err(Problem::bad_request("the disk is not watched here: nothing is kept on it"));
    }
    let wanted = match limit(request)? {
        Limit::Relative(part) => DiskLimit::Relative(part),
        Limit::Absolute(bytes) => DiskLimit::Absolute(bytes),
    };
    let unknown = || Problem::bad_request("how much memory this machine has is not known: give `absolute`");
    let bytes = disk_space::limit_bytes(wanted).ok_or_else(unknown)?;
    tracing::info!("Disk free limit set to {bytes} bytes");
    controls.set_disk_limit_bytes(bytes);
    Ok(Answer::done())
}

/// `{"relative": 0.5}` or `{"absolute": 1000000}`.
enum Limit {
    Relative(f64),
    Absolute(u64),
}

fn limit(request: &Request) -> Result<Limit, Problem> {
    let fields = request.fields()?;
    let relative = fields.said("relative").map(Value::as_f64);
    let absolute = fields.said("absolute").map(Value::as_u64);
    match (relative, absolute) {
        (Some(Some(part)), None) if 0.0 <= part && part.is_finite() => Ok(Limit::Relative(part)),
        (None, Some(Some(bytes))) => Ok(Limit::Absolute(bytes)),
        _ => Err(Problem::bad_request("expected `relative`, a part such as 0.5, or `absolute`, in bytes")),
    }
}
