//! Parameters: what operators keep with the broker for those who read it, under a component and a name.
//!
//! A parameter belongs to a virtual host and goes with it; a global one to the broker. Nothing here acts on them: what
//! acts (policies, limits) has a place of its own, and the rest (upstreams, shovels, the broker's tags) is kept and told.
//!
//! Invariant: a value is a JSON text, which is the word of whoever put it there; it comes back byte for byte.

use std::collections::BTreeMap;

use bytes::Bytes;

/// One parameter of a virtual host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The virtual host it belongs to.
    pub vhost: String,
    /// Whom it is for: `federation-upstream`, `shovel`.
    pub component: String,
    /// Unique for its component and virtual host.
    pub name: String,
    /// JSON.
    pub value: Bytes,
}

/// A parameter of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalParameter {
    /// Unique.
    pub name: String,
    /// JSON.
    pub value: Bytes,
}

/// Virtual host, component, name.
type Key = (String, String, String);

/// All parameters of a broker.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    own: BTreeMap<Key, Bytes>,
    global: BTreeMap<String, Bytes>,
}

impl Parameters {
    /// Adds one or replaces it. `true`: it is new.
    pub fn put(&mut self, parameter: Parameter) -> bool {
        let Parameter { vhost, component, name, value } = parameter;
        self.own.insert((vhost, component, name), value).is_none()
    }

    /// Takes one away. `false`: there was none.
    pub fn remove(&mut self, vhost: &str, component: &str, name: &str) -> bool {
        self.own.remove(&key(vhost, component, name)).is_some()
    }

    /// The value of one.
    pub fn get(&self, vhost: &str, component: &str, name: &str) -> Option<&Bytes> {
        self.own.get(&key(vhost, component, name))
    }

    /// All, by virtual host, component and name.
    pub fn all(&self) -> Vec<Parameter> {
        self.own.iter().map(parameter).collect()
    }

    /// Those of a virtual host, by component and name.
    pub fn of_vhost(&self, vhost: &str) -> Vec<Parameter> {
        let from = key(vhost, "", "");
        let own = self.own.range(from..).take_while(|((own, ..), _)| own == vhost);
        own.map(parameter).collect()
    }

    /// Takes away all of a virtual host and says which they were.
    pub fn remove_vhost(&mut self, vhost: &str) -> Vec<Parameter> {
        let removed = self.of_vhost(vhost);
        self.own.retain(|(own, ..), _| own != vhost);
        removed
    }

    /// Adds a global one or replaces it. `true`: it is new.
    pub fn put_global(&mut self, parameter: GlobalParameter) -> bool {
        self.global.insert(parameter.name, parameter.value).is_none()
    }

    /// Takes a global one away. `false`: there was none.
    pub fn remove_global(&mut self, name: &str) -> bool {
        self.global.remove(name).is_some()
    }

    /// The value of a global one.
    pub fn global(&self, name: &str) -> Option<&Bytes> {
        self.global.get(name)
    }

    /// All global ones, by name.
    pub fn all_global(&self) -> Vec<GlobalParameter> {
        let global = self.global.iter();
        global.map(|(name, value)| GlobalParameter { name: name.clone(), value: value.clone() }).collect()
    }
}

fn key(vhost: &str, component: &str, name: &str) -> Key {
    (vhost.to_owned(), component.to_owned(), name.to_owned())
}

fn parameter(((vhost, component, name), value): (&Key, &Bytes)) -> Parameter {
    Parameter { vhost: vhost.clone(), component: component.clone(), name: name.clone(), value: value.clone() }
}
