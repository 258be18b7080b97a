//! The parameters of a broker. See `model::parameter`.
//!
//! Invariant: the log follows every change, under the lock that guards the parameters; no parameter outlives its
//! virtual host.

use bytes::Bytes;

use crate::model::broker::Broker;
use crate::model::definition::Definition;
use crate::model::event;
use crate::model::parameter::{GlobalParameter, Parameter};

impl Broker {
    /// Adds a parameter or replaces it. `None`: there is no such virtual host; `true`: it is new.
    pub fn put_parameter(&self, parameter: Parameter) -> Option<bool> {
        // Held to the end, so that none comes into a virtual host that is being deleted.
        let vhosts = self.vhosts.read();
        vhosts.get(&parameter.vhost)?;
        let mut parameters = self.parameters.write();
        self.define(|| Definition::Parameter(parameter.clone()));
        self.events.note(|| event::parameter_set(&parameter));
        Some(parameters.put(parameter))
    }

    /// Deletes a parameter. `false`: there was none.
    pub fn delete_parameter(&self, vhost: &str, component: &str, name: &str) -> bool {
        let mut parameters = self.parameters.write();
        let is_gone = parameters.remove(vhost, component, name);
        if is_gone {
            self.forget_parameter(vhost, component, name);
        }
        is_gone
    }

    /// The value of a parameter, in JSON.
    pub fn parameter(&self, vhost: &str, component: &str, name: &str) -> Option<Bytes> {
        self.parameters.read().get(vhost, component, name).cloned()
    }

    /// The parameters of all virtual hosts, by virtual host, component and name. Policies of operators and limits of
    /// virtual hosts, which RabbitMQ lists among them, are not here: virtual hosts tell them.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.parameters.read().all()
    }

    /// The same of one virtual host.
    pub fn parameters_of(&self, vhost: &str) -> Vec<Parameter> {
        self.parameters.read().of_vhost(vhost)
    }

    /// Adds a global parameter or replaces it. `true`: it is new.
    pub fn put_global_parameter(&self, parameter: GlobalParameter) -> bool {
        let mut parameters = self.parameters.write();
        self.define(|| Definition::GlobalParameter(parameter.clone()));
        self.events.note(|| event::global_parameter_set(&parameter));
        parameters.put_global(parameter)
    }

    /// Deletes a global parameter. `false`: there was none.
    pub fn delete_global_parameter(&self, name: &str) -> bool {
        let mut parameters = self.parameters.write();
        let is_gone = parameters.remove_global(name);
        if is_gone {
            self.define(|| Definition::NoGlobalParameter(name.to_owned()));
            self.events.note(|| event::global_parameter_cleared(name));
        }
        is_gone
    }

    /// The value of a global parameter, in JSON.
    pub fn global_parameter(&self, name: &str) -> Option<Bytes> {
        self.parameters.read().global(name).cloned()
    }

    /// The global parameters, by name.
    pub fn global_parameters(&self) -> Vec<GlobalParameter> {
        self.parameters.read().all_global()
    }

    /// A virtual host is deleted, with its parameters. Call under the lock of the virtual hosts.
    pub(super) fn forget_parameters(&self, vhost: &str) {
        let mut parameters = self.parameters.write();
        for parameter in parameters.remove_vhost(vhost) {
            self.forget_parameter(vhost, &parameter.component, &parameter.name);
        }
    }

    fn forget_parameter(&self, vhost: &str, component: &str, name: &str) {
        let gone = || Definition::NoParameter {
            vhost: vhost.to_owned(),
            component: component.to_owned(),
            name: name.to_owned(),
        };
        self.define(gone);
        self.events.note(|| event::parameter_cleared(vhost, component, name));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::effect::Effects;
    use crate::model::broker::BrokerSettings;
    use crate::store::NoStore;
    use crate::time::Timestamp;

    fn shovel(vhost: &str, name: &str) -> Parameter {
        Parameter {
            vhost: vhost.to_owned(),
            component: "shovel".to_owned(),
            name: name.to_owned(),
            value: Bytes::from_static(b"{}"),
        }
    }

    fn names(broker: &Broker) -> Vec<String> {
        broker.parameters().into_iter().map(|own| format!("{}:{}", own.vhost, own.name)).collect()
    }

    #[test]
    fn parameters_belong_to_a_virtual_host_and_go_with_it() {
        let broker = Broker::new(BrokerSettings::default(), [7; 32], Arc::new(NoStore));
        assert_eq!(broker.put_parameter(shovel("v", "a")), None);
        broker.add_vhost("v");
        broker.add_vhost("w");
        assert_eq!(broker.put_parameter(shovel("v", "b")), Some(true));
        assert_eq!(broker.put_parameter(shovel("v", "b")), Some(false));
        assert_eq!(broker.put_parameter(shovel("w", "c")), Some(true));
        assert_eq!(broker.put_parameter(shovel("v", "a")), Some(true));
        assert_eq!(names(&broker), ["v:a", "v:b", "w:c"]);
        assert_eq!(broker.parameters_of("v"), [shovel("v", "a"), shovel("v", "b")]);
        assert!(broker.delete_parameter("v", "shovel", "b") && !broker.delete_parameter("v", "shovel", "b"));
        broker.delete_vhost(Timestamp::default(), "v", &mut Effects::default());
        assert_eq!(names(&broker), ["w:c"]);
        broker.add_vhost("v");
        assert_eq!(names(&broker), ["w:c"]);
    }

    #[test]
    fn global_parameters_are_replaced_and_deleted() {
        let broker = Broker::new(BrokerSettings::default(), [7; 32], Arc::new(NoStore));
        let named =
            |value: &'static [u8]| GlobalParameter { name: "n".to_owned(), value: Bytes::from_static(value) };
        assert!(broker.put_global_parameter(named(b"1")) && !broker.put_global_parameter(named(b"2")));
        assert_eq!(broker.global_parameter("n").as_deref(), Some(b"2".as_slice()));
        assert!(broker.delete_global_parameter("n") && !broker.delete_global_parameter("n"));
        assert_eq!(broker.global_parameters(), []);
    }
}
