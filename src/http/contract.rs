//! What an endpoint takes and tells, for the reference.
//!
//! Invariants:
//! - A row says it itself, with names of schemas (`schema/*.json`); what follows from its method, its path and who may
//!   call it is said nowhere.
//! - How it is told is named as the function of [`listing`](super::listing) that tells it: that decides which parameters
//!   a request may have.

use super::route::{Row, Verb};

/// The parameters of ranges of samples: how far back they go, and in which steps; both in seconds.
pub const SAMPLES: &[&str] =
    &["lengths_age", "lengths_incr", "msg_rates_age", "msg_rates_incr", "data_rates_age", "data_rates_incr"];

/// What stands in an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tells {
    /// Nothing.
    #[default]
    Nothing,
    /// JSON of a schema, as it is.
    Value(&'static str),
    /// A list of such JSON, as it is.
    Values(&'static str),
    /// Whether all is well: 200 or 503.
    Check,
    /// An object, of which only some columns may be wanted.
    One(&'static str),
    /// A list of objects, in any order.
    Whole(&'static str),
    /// A list of objects that can be had by pages, too.
    Paged(&'static str),
    /// Text of a type.
    Text(&'static str),
}

/// A body that is not JSON: its type and its schema.
pub type Form = (&'static str, &'static str);

/// What the reference says of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contract {
    pub tells: Tells,
    /// The schema of a body of JSON.
    pub takes: Option<&'static str>,
    /// What else a body may be.
    pub form: Option<Form>,
    /// Parameters of the query, and headers, beyond those of lists.
    pub asks: &'static [&'static str],
    /// The statuses of its own; `None`: those that its method usually has.
    pub answers: Option<&'static [u16]>,
}

impl Contract {
    /// One that says nothing.
    pub const NONE: Self = Self { tells: Tells::Nothing, takes: None, form: None, asks: &[], answers: None };
}

impl Row {
    /// The same; it tells this.
    pub const fn tells(mut self, tells: Tells) -> Self {
        self.contract.tells = tells;
        self
    }

    /// The same; it takes JSON of this schema.
    pub const fn takes(mut self, schema: &'static str) -> Self {
        self.contract.takes = Some(schema);
        self
    }

    /// The same; it takes a form, too.
    pub const fn takes_form(mut self, form: Form) -> Self {
        self.contract.form = Some(form);
        self
    }

    /// The same; a request may have these parameters.
    pub const fn asks(mut self, names: &'static [&'static str]) -> Self {
        self.contract.asks = names;
        self
    }

    /// The same; it has statuses that others with its method have not, or lacks theirs.
    pub const fn answers(mut self, statuses: &'static [u16]) -> Self {
        self.contract.answers = Some(statuses);
        self
    }

    /// The parameters of the query, and headers, that mean something.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        let of_lists: &[&str] = match self.contract.tells {
            Tells::One(_) => &["columns"],
            Tells::Whole(_) => &["columns", "sort", "sort_reverse"],
            Tells::Paged(_) => &["columns", "sort", "sort_reverse", "page", "page_size", "name", "use_regex"],
            Tells::Nothing | Tells::Value(_) | Tells::Values(_) | Tells::Check | Tells::Text(_) => &[],
        };
        of_lists.iter().chain(self.contract.asks).copied()
    }

    /// The statuses of what is not refused, and those of its own.
    pub fn own_statuses(&self) -> &'static [u16] {
        let usual: &[u16] = match (self.verb, self.contract.tells) {
            (_, Tells::Check) => &[200, 503],
            (Verb::Get, _) => &[200],
            (Verb::Put, _) => &[201, 204],
            (Verb::Post | Verb::Delete, Tells::Nothing) => &[204],
            (Verb::Post | Verb::Delete, _) => &[200],
        };
        self.contract.answers.unwrap_or(usual)
    }
}
