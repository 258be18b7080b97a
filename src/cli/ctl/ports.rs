//! Health checks of where the broker listens.

use std::time::Duration;

use serde_json::{Value, json};

use super::call::{Call, tell};
use super::exit::{Exit, Failure};
use super::format::Output;
use super::health::{Unwell, ask};
use super::status::{Listener, listeners};
use super::wire;

/// `check_port_listener`.
pub fn check_port(call: &Call<'_>) -> Result<Output, Failure> {
    let (node, port) = (call.node()?, call.argument(0));
    match ask(call, &format!("port-listener/{port}")) {
        Ok(_) => {
            let text = format!("A listener for port {port} is running on node {node}.");
            Ok(Output::Document { text, json: json!({ "node": node, "port": port, "result": "ok" }) })
        }
        Err(Unwell::Sick(said)) => {
            let found = said.get("ports").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let mut ports: Vec<u64> = found.iter().filter_map(Value::as_u64).collect();
            ports.sort_unstable();
            let text = format!(
                "No listener for port {port} is active on node {node}. Found listeners that use the following ports: {}",
                joined(&ports)
            );
            Err(Failure::plain(Exit::Unavailable, text))
        }
        Err(Unwell::Unknown(failure)) => Err(failure),
    }
}

fn joined(ports: &[u64]) -> String {
    ports.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

/// `check_protocol_listener`.
pub fn check_protocol(call: &Call<'_>) -> Result<Output, Failure> {
    let (node, protocol) = (call.node()?, call.argument(0));
    match ask(call, &format!("protocol-listener/{}", super::client::encode(protocol))) {
        Ok(_) => Ok(Output::Text(format!("A listener for protocol {protocol} is running on node {node}."))),
        Err(Unwell::Sick(said)) => {
            let list = |key: &str| {
                let list = said.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
            };
            let text = format!(
                "No listener for protocol {} is active on node {node}. Found listeners for the following protocols: {}",
                list("missing"),
                list("protocols")
            );
            Err(Failure::error(Exit::Unavailable, text))
        }
        Err(Unwell::Unknown(failure)) => Err(failure),
    }
}

/// `check_port_connectivity`.
pub fn connect_to_all(call: &Call<'_>) -> Result<Output, Failure> {
    let node = call.node()?;
    let (host, how) = match call.words.value("address") {
        Some(address) => (address, format!("using {address} for target IP address")),
        None => (
            node.split_once('@').map_or("localhost", |(_, host)| host),
            "using node hostname resolution".to_owned(),
        ),
    };
    let all = listeners(call)?;
    let patience = call.timeout().unwrap_or(Duration::from_secs(5));
    let mut failed: Vec<&Listener> = Vec::new();
    for listener in &all {
        tell(&format!("Will connect to {host}:{}", listener.port));
        if wire::dial(host, listener.port, Some(patience)).is_err() {
            failed.push(listener);
        }
    }
    if !failed.is_empty() {
        let list: Vec<String> = failed.iter().map(ToString::to_string).collect();
        let text = format!("Connection attempts failed on node {node} ({how}):\n{}", list.join("\n"));
        return Err(Failure::error(Exit::Unavailable, text));
    }
    let mut ports: Vec<u64> = all.iter().map(|listener| u64::from(listener.port)).collect();
    ports.sort_unstable();
    let text = format!("Successfully connected to ports {} on node {node} ({how})", joined(&ports));
    let json = json!({ "node": node, "result": "ok", "listeners": all.iter().map(|each| each.json(node)).collect::<Vec<_>>() });
    Ok(Output::Document { text, json })
}
