//! The ways in which clients may say who they are. What a response looks like is the protocol's matter.

/// A way to say who one is; the names are SASL's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// A user and a password.
    Plain,
    /// The same in AMQP's own form.
    AmqPlain,
    /// Nothing: everybody is one user.
    Anonymous,
    /// The certificate of the transport.
    External,
}

impl Mechanism {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Plain, Self::AmqPlain, Self::Anonymous, Self::External];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::AmqPlain => "AMQPLAIN",
            Self::Anonymous => "ANONYMOUS",
            Self::External => "EXTERNAL",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }
}
