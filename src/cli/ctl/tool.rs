//! The names under which the command answers: RabbitMQ's tools, each with its commands.

use std::path::Path;

/// A tool of RabbitMQ, or the command's own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// `leveret ctl`: every command of every tool.
    Own,
    /// `rabbitmqctl`.
    Ctl,
    /// `rabbitmq-diagnostics`.
    Diagnostics,
    /// `rabbitmq-queues`.
    Queues,
    /// `rabbitmq-streams`.
    Streams,
    /// `rabbitmq-upgrade`.
    Upgrade,
    /// `rabbitmq-plugins`.
    Plugins,
}

/// What a program's own name makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// One of the tools for operators.
    Tool(Tool),
    /// `rabbitmqadmin`.
    Admin,
    /// `rabbitmq-server`: the broker itself.
    Server,
}

const NAMES: &[(&str, Role)] = &[
    ("rabbitmqctl", Role::Tool(Tool::Ctl)),
    ("rabbitmq-diagnostics", Role::Tool(Tool::Diagnostics)),
    ("rabbitmq-queues", Role::Tool(Tool::Queues)),
    ("rabbitmq-streams", Role::Tool(Tool::Streams)),
    ("rabbitmq-upgrade", Role::Tool(Tool::Upgrade)),
    ("rabbitmq-plugins", Role::Tool(Tool::Plugins)),
    ("rabbitmqadmin", Role::Admin),
    ("rabbitmq-server", Role::Server),
];

/// The role of a program that was started as `program`, if it is one of RabbitMQ's names.
pub fn role(program: &Path) -> Option<Role> {
    let name = program.file_name()?.to_str()?;
    NAMES.iter().find(|(each, _)| *each == name).map(|(_, role)| *role)
}

impl Tool {
    /// As it says itself in a usage line.
    pub fn name(self) -> &'static str {
        let named = NAMES.iter().find(|(_, role)| *role == Role::Tool(self));
        named.map_or("leveret ctl", |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_wherever_the_file_lies() {
        assert_eq!(role(Path::new("/opt/rabbitmq/sbin/rabbitmqctl")), Some(Role::Tool(Tool::Ctl)));
        assert_eq!(role(Path::new("rabbitmqadmin")), Some(Role::Admin));
        assert_eq!(role(Path::new("leveret")), None);
        assert_eq!(Tool::Diagnostics.name(), "rabbitmq-diagnostics");
        assert_eq!(Tool::Own.name(), "leveret ctl");
    }
}
