//! Commands that list: what each asks the API, the columns it has, and those it shows if none is named.
//!
//! Only the columns that are shown are asked for, so that a listing of a hundred thousand queues is small.

use serde_json::Value;

use super::call::Call;
use super::client::path;
use super::command::{Action, BOTH, Command, NONE, Topic};
use super::exit::{Exit, Failure};
use super::format::{Output, Rows};
use super::term::{Kind, Term};
use super::words::{switch, whole};

/// A command that lists.
#[derive(Debug)]
pub struct Listing {
    /// Where the rows are; none where there is nothing to ask for.
    pub path: fn(&Call<'_>, &[&'static Column]) -> Option<String>,
    /// All columns.
    pub columns: &'static [Column],
    /// Those that are shown.
    pub default: &'static [&'static str],
    /// Whether an unknown virtual host is an empty one.
    pub lenient: bool,
    /// Whether the reference sends rows as they come.
    pub streamed: bool,
    /// Which rows of the answer are meant.
    pub keep: fn(&Call<'_>, &Value) -> bool,
}

/// A column.
#[derive(Debug)]
pub struct Column {
    /// Its name here.
    pub name: &'static str,
    /// Its place in the API's objects, by dots; empty where the API does not have it.
    pub field: &'static str,
    /// How it is meant.
    pub kind: Kind,
}

/// A column that the API calls as it is called here.
pub const fn plain(name: &'static str) -> Column {
    Column { name, field: name, kind: Kind::Plain }
}

/// A column from elsewhere, or of another kind.
pub const fn column(name: &'static str, field: &'static str, kind: Kind) -> Column {
    Column { name, field, kind }
}

/// All rows.
pub const fn all_rows(_: &Call<'_>, _: &Value) -> bool {
    true
}

impl Column {
    fn term(&self, row: &Value) -> Term {
        let found = self.field.split('.').try_fold(row, |value, name| value.get(name));
        self.kind.term(found.unwrap_or(&Value::Null))
    }
}

impl Listing {
    /// The columns that `named` asks for, or the default ones.
    pub fn chosen(&self, named: &[String]) -> Result<Vec<&'static Column>, Failure> {
        let said: Vec<&str> =
            named.iter().flat_map(|word| word.split([',', ' '])).filter(|name| !name.is_empty()).collect();
        let wanted = if said.is_empty() { self.default.to_vec() } else { said };
        let mut unknown: Vec<&str> =
            wanted.iter().copied().filter(|name| self.column(name).is_none()).collect();
        if unknown.is_empty() {
            return Ok(wanted.into_iter().filter_map(|name| self.column(name)).collect());
        }
        unknown.sort_unstable();
        Err(Failure::usage(format!("Info key(s) {} are not supported", unknown.join(","))))
    }

    fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Asks, and picks the columns out of what comes.
    pub fn run(&self, call: &Call<'_>, columns: &[&'static Column]) -> Result<Output, Failure> {
        let rows = match (self.path)(call, columns) {
            None => Vec::new(),
            Some(path) => self.ask(call, &path)?,
        };
        Ok(Output::Rows(self.rows(call, &rows, columns)))
    }

    /// Picks `columns` out of what the API said.
    pub fn rows(&self, call: &Call<'_>, rows: &[Value], columns: &[&'static Column]) -> Rows {
        let rows = rows.iter().filter(|row| (self.keep)(call, row));
        let rows = rows.map(|row| columns.iter().map(|column| column.term(row)).collect()).collect();
        let columns = columns.iter().map(|column| column.name.to_owned()).collect();
        Rows { columns, rows, streamed: self.streamed, headers: true }
    }

    fn ask(&self, call: &Call<'_>, path: &str) -> Result<Vec<Value>, Failure> {
        match call.client.get(path) {
            Ok(Value::Array(rows)) => Ok(rows),
            Ok(_) => {
                Err(Failure::error(Exit::Unavailable, "the broker answered with something else than a list"))
            }
            Err(error) if error.status() == Some(404) && self.lenient => Ok(Vec::new()),
            Err(error) if error.status() == Some(404) => Err(Failure::no_vhost(call.vhost())),
            Err(error) => Err(error.into()),
        }
    }
}

/// `?columns=` for those that the API knows.
pub fn only(columns: &[&'static Column], also: &[&str]) -> String {
    let known = columns.iter().map(|column| column.field).filter(|field| !field.is_empty());
    let mut fields: Vec<&str> = known.chain(also.iter().copied()).collect();
    fields.sort_unstable();
    fields.dedup();
    // Without a single field all would come.
    if fields.is_empty() { "?columns=name".to_owned() } else { format!("?columns={}", fields.join(",")) }
}

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "list_queues",
        tools: BOTH,
        topic: Topic::Monitoring,
        summary: "Lists queues and what is known of them",
        usage: "[--vhost <vhost>] [--online] [--offline] [--local] [--no-table-headers] [<column>, ...] [--timeout <timeout>]",
        arguments: (0, usize::MAX),
        options: &[
            switch("online", "queues of nodes that run: all"),
            switch("offline", "queues of nodes that don't run: none"),
            switch("local", "queues of this node: all"),
        ],
        banner: Some(|call| {
            Ok(format!(
                "Timeout: {}.0 seconds ...\nListing queues for vhost {} ...",
                call.timeout().unwrap_or(super::call::PATIENCE).as_secs(),
                call.vhost()
            ))
        }),
        action: Action::List(&QUEUES),
        ..NONE
    },
    Command {
        name: "list_exchanges",
        tools: BOTH,
        topic: Topic::Monitoring,
        summary: "Lists exchanges",
        usage: "[--vhost <vhost>] [--no-table-headers] [<column> ...] [--timeout <timeout>]",
        arguments: (0, usize::MAX),
        banner: Some(|call| Ok(format!("Listing exchanges for vhost {} ...", call.vhost()))),
        action: Action::List(&EXCHANGES),
        ..NONE
    },
    Command {
        name: "list_bindings",
        tools: BOTH,
        topic: Topic::Monitoring,
        summary: "Lists bindings, those of the default exchange among them",
        usage: "[--vhost <vhost>] [--no-table-headers] [<column> ...] [--timeout <timeout>]",
        arguments: (0, usize::MAX),
        banner: Some(|call| Ok(format!("Listing bindings for vhost {}...", call.vhost()))),
        action: Action::List(&BINDINGS),
        ..NONE
    },
    Command {
        name: "list_unresponsive_queues",
        tools: BOTH,
        topic: Topic::Monitoring,
        summary: "Lists queues that do not answer: none, as a queue has no process that could hang",
        usage: "[--local] [--queue-timeout <seconds>] [<column> ...] [--no-table-headers] [--timeout <timeout>]",
        arguments: (0, usize::MAX),
        options: &[switch("local", "of this node"), whole("queue-timeout", "accepted")],
        banner: Some(|call| Ok(format!("Listing unresponsive queues for vhost {} ...", call.vhost()))),
        action: Action::List(&Listing { path: |_, _| None, ..QUEUES }),
        ..NONE
    },
];

/// Columns that the short listing of queues does not have.
const DETAILED: &[&str] = &[
    "exclusive_consumer_tag",
    "head_message_timestamp",
    "operator_policy",
    "policy",
    "owner_pid_details.name",
    "disk_reads",
    "disk_writes",
];

const QUEUES: Listing = Listing {
    path: |call, columns| {
        if call.words.has("offline") && !call.words.has("online") {
            return None;
        }
        let detailed = columns.iter().any(|column| DETAILED.contains(&column.field));
        Some(if detailed {
            format!("/api/queues/detailed{}", only(columns, &["vhost"]))
        } else {
            path(["queues", call.vhost()]) + &only(columns, &[])
        })
    },
    columns: &[
        column("arguments", "arguments", Kind::Arguments),
        plain("auto_delete"),
        plain("consumer_capacity"),
        plain("consumer_utilisation"),
        plain("consumers"),
        plain("disk_reads"),
        plain("disk_writes"),
        plain("durable"),
        column("effective_policy_definition", "effective_policy_definition", Kind::Map),
        plain("exclusive"),
        column("exclusive_consumer_pid", "exclusive_consumer_pid", Kind::Pid),
        plain("exclusive_consumer_tag"),
        plain("head_message_timestamp"),
        column("leader", "node", Kind::Atom),
        column("members", "members", Kind::Atoms),
        plain("memory"),
        plain("message_bytes"),
        plain("message_bytes_persistent"),
        plain("message_bytes_ram"),
        plain("message_bytes_ready"),
        plain("message_bytes_unacknowledged"),
        plain("messages"),
        plain("messages_persistent"),
        plain("messages_ram"),
        plain("messages_ready"),
        plain("messages_ready_ram"),
        plain("messages_unacknowledged"),
        plain("messages_unacknowledged_ram"),
        plain("name"),
        column("online", "online", Kind::Atoms),
        plain("operator_policy"),
        column("owner_pid", "owner_pid_details.name", Kind::Pid),
        column("pid", "name", Kind::Pid),
        plain("policy"),
        column("state", "state", Kind::Atom),
        column("type", "type", Kind::Atom),
    ],
    default: &["name", "messages"],
    lenient: true,
    streamed: true,
    keep: |call, row| row.get("vhost").and_then(Value::as_str).is_none_or(|vhost| vhost == call.vhost()),
};

const EXCHANGES: Listing = Listing {
    path: |call, columns| Some(path(["exchanges", call.vhost()]) + &only(columns, &[])),
    columns: &[
        plain("name"),
        column("type", "type", Kind::Atom),
        plain("durable"),
        plain("auto_delete"),
        plain("internal"),
        column("arguments", "arguments", Kind::Arguments),
        plain("policy"),
    ],
    default: &["name", "type"],
    lenient: true,
    streamed: true,
    keep: all_rows,
};

const BINDINGS: Listing = Listing {
    path: |call, columns| Some(path(["bindings", call.vhost()]) + &only(columns, &["source"])),
    columns: &[
        column("source_name", "source", Kind::Plain),
        // The API does not say it: a source is always an exchange.
        column("source_kind", "source_kind", Kind::Source),
        column("destination_name", "destination", Kind::Plain),
        column("destination_kind", "destination_type", Kind::Atom),
        plain("routing_key"),
        column("arguments", "arguments", Kind::Arguments),
        plain("vhost"),
    ],
    default: &[
        "source_name",
        "source_kind",
        "destination_name",
        "destination_kind",
        "routing_key",
        "arguments",
    ],
    lenient: true,
    streamed: true,
    keep: all_rows,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(named: &[&str]) -> Result<Vec<&'static str>, String> {
        let named: Vec<String> = named.iter().map(|&name| name.to_owned()).collect();
        let columns = QUEUES.chosen(&named).map_err(|failure| failure.text().to_owned())?;
        Ok(columns.iter().map(|column| column.name).collect())
    }

    #[test]
    fn columns_are_named_by_spaces_or_commas_and_have_a_default() {
        assert_eq!(chosen(&[]), Ok(vec!["name", "messages"]));
        assert_eq!(chosen(&["pid,name", "state"]), Ok(vec!["pid", "name", "state"]));
        assert_eq!(chosen(&["x", "name", "a"]), Err("Info key(s) a,x are not supported".to_owned()));
    }

    #[test]
    fn only_what_is_shown_is_asked_for() {
        let columns = QUEUES.chosen(&["pid,name,messages".to_owned()]).unwrap();
        assert_eq!(only(&columns, &[]), "?columns=messages,name");
    }
}
