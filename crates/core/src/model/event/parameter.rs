//! Events of parameters. RabbitMQ's headers have the value as a table; here it is the JSON text that it was given as.

use crate::model::event::Event;
use crate::model::parameter::{GlobalParameter, Parameter};

/// The component that RabbitMQ names for parameters of the broker.
const GLOBAL: &str = "global";

/// A parameter is there, or another than it was.
pub fn parameter_set(parameter: &Parameter) -> Event {
    let Parameter { vhost, component, name, value } = parameter;
    let event = Event::new("parameter.set").text("name", name).text("component", component);
    event.text("vhost", vhost).text("value", &String::from_utf8_lossy(value))
}

/// A parameter is gone.
pub fn parameter_cleared(vhost: &str, component: &str, name: &str) -> Event {
    Event::new("parameter.cleared").text("name", name).text("component", component).text("vhost", vhost)
}

/// A parameter of the broker is there, or another than it was.
pub fn global_parameter_set(parameter: &GlobalParameter) -> Event {
    let event = Event::new("parameter.set").text("name", &parameter.name).text("component", GLOBAL);
    event.text("value", &String::from_utf8_lossy(&parameter.value))
}

/// A parameter of the broker is gone.
pub fn global_parameter_cleared(name: &str) -> Event {
    Event::new("parameter.cleared").text("name", name).text("component", GLOBAL)
}
