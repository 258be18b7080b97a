//! Runtime parameters, of a virtual host and global ones.

use serde_json::{Value, json};

use super::call::Call;
use super::client::{Answer, ClientError, path};
use super::command::{Action, BOTH, Command, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::Output;
use super::listing::{Listing, all_rows, column, plain};
use super::term::Kind;

const PARAMETER: Command = Command { topic: Topic::Parameters, ..NONE };

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "set_parameter",
        summary: "Sets a runtime parameter of a virtual host",
        usage: "[--vhost <vhost>] <component_name> <name> <value>",
        arguments: (3, 3),
        banner: Some(|call| {
            let (component, name, value) = (call.argument(0), call.argument(1), call.argument(2));
            let vhost = call.vhost();
            Ok(format!(
                "Setting runtime parameter \"{name}\" for component \"{component}\" to \"{value}\" in vhost \"{vhost}\" ..."
            ))
        }),
        action: Action::Do(|call| {
            let (component, name, vhost) = (call.argument(0), call.argument(1), call.vhost());
            let body = json!({ "component": component, "vhost": vhost, "name": name, "value": document(call.argument(2))? });
            done(call, call.client.put(&path(["parameters", component, vhost, name]), &body))
        }),
        ..PARAMETER
    },
    Command {
        name: "clear_parameter",
        summary: "Takes a runtime parameter of a virtual host away",
        usage: "[--vhost <vhost>] <component_name> <name>",
        arguments: (2, 2),
        banner: Some(|call| {
            let (component, name, vhost) = (call.argument(0), call.argument(1), call.vhost());
            Ok(format!(
                "Clearing runtime parameter \"{name}\" for component \"{component}\" on vhost \"{vhost}\" ..."
            ))
        }),
        action: Action::Do(|call| {
            cleared(call.client.delete(&path([
                "parameters",
                call.argument(0),
                call.vhost(),
                call.argument(1),
            ])))
        }),
        ..PARAMETER
    },
    Command {
        name: "list_parameters",
        tools: BOTH,
        summary: "Lists runtime parameters of a virtual host",
        usage: "[--vhost <vhost>] [--no-table-headers] [--timeout <timeout>]",
        banner: Some(|call| Ok(format!("Listing runtime parameters for vhost \"{}\" ...", call.vhost()))),
        action: Action::List(&Listing {
            path: |_, _| Some("/api/parameters".to_owned()),
            columns: &[plain("component"), plain("name"), column("value", "value", Kind::Json)],
            default: &["component", "name", "value"],
            lenient: false,
            streamed: false,
            keep: |call, row| row.get("vhost").and_then(Value::as_str) == Some(call.vhost()),
        }),
        ..PARAMETER
    },
    Command {
        name: "set_global_parameter",
        summary: "Sets a global runtime parameter",
        usage: "<name> <value>",
        arguments: (2, 2),
        banner: Some(|call| {
            Ok(format!(
                "Setting global runtime parameter \"{}\" to \"{}\" ...",
                call.argument(0),
                call.argument(1)
            ))
        }),
        action: Action::Do(|call| {
            let body = json!({ "name": call.argument(0), "value": document(call.argument(1))? });
            done(call, call.client.put(&path(["global-parameters", call.argument(0)]), &body))
        }),
        ..PARAMETER
    },
    Command {
        name: "clear_global_parameter",
        summary: "Takes a global runtime parameter away",
        usage: "<name>",
        arguments: (1, 1),
        banner: Some(|call| Ok(format!("Clearing global runtime parameter \"{}\" ...", call.argument(0)))),
        action: Action::Do(|call| {
            cleared(call.client.delete(&path(["global-parameters", call.argument(0)])))
        }),
        ..PARAMETER
    },
    Command {
        name: "list_global_parameters",
        tools: BOTH,
        summary: "Lists global runtime parameters",
        usage: "[--no-table-headers] [--timeout <timeout>]",
        banner: Some(|_| Ok("Listing global runtime parameters ...".to_owned())),
        action: Action::List(&Listing {
            path: |_, _| Some("/api/global-parameters".to_owned()),
            columns: &[plain("name"), column("value", "value", Kind::Json)],
            default: &["name", "value"],
            lenient: false,
            streamed: false,
            keep: all_rows,
        }),
        ..PARAMETER
    },
];

/// An argument that is JSON.
pub fn document(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|_| {
        let quoted = Value::from(text);
        let text = format!("Could not parse JSON document: {{error,{{failed_to_decode_json,<<{quoted}>>}}}}");
        Failure::error(Exit::Unavailable, text)
    })
}

/// Put, or refused; a virtual host that is not there has a sentence of its own.
pub fn done(call: &Call<'_>, put: Result<Answer, ClientError>) -> Result<Output, Failure> {
    match put {
        Ok(_) => Ok(Output::Done),
        Err(error) if error.status() == Some(404) => Err(Failure::no_vhost(call.vhost())),
        Err(error) => Err(error.into()),
    }
}

/// Taken away; what is not there is an error here.
pub fn cleared(deleted: Result<Answer, ClientError>) -> Result<Output, Failure> {
    match deleted {
        Ok(_) => Ok(Output::Done),
        Err(error) if error.status() == Some(404) => {
            Err(Failure::error(Exit::Unavailable, "Parameter does not exist"))
        }
        Err(error) => Err(error.into()),
    }
}
