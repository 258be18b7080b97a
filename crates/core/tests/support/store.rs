//! A log that does what a script says: holds, commits, fails; and tells what it was told.
//!
//! It objects when the rules break their side of the seam: something is settled that is not in the log, or twice;
//! something is put into a page that has no place.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use leveret_core::model::{BindingEnd, Definition, DurableBinding, Entry, Message, PolicyKind};
use leveret_core::{PageId, Place, Position, Record, Settle, Store, Timestamp, Writer};

use super::words::shown;

/// A message in one queue.
#[derive(Debug)]
struct Logged {
    queue: u64,
    durable: bool,
    bytes: Bytes,
    head_len: u32,
}

/// What a page keeps of an entry: everything but the message, which is in the log.
#[derive(Clone, Copy, Debug)]
struct Paged {
    place: Place,
    position: u64,
    redelivered: bool,
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct State {
    /// Writes and definitions so far.
    end: u64,
    committed: u64,
    is_held: bool,
    has_failed: bool,
    last_id: u64,
    messages: BTreeMap<u64, Logged>,
    last_page: u64,
    pages: BTreeMap<u64, Vec<Paged>>,
    shows_messages: bool,
    shows_definitions: bool,
    shows_pages: bool,
    lines: Vec<String>,
    budget_bytes: Option<usize>,
}

impl State {
    /// Something was written: where it ends.
    fn advance(&mut self) -> Position {
        if self.has_failed {
            return Position::NEVER;
        }
        self.end += 1;
        if !self.is_held {
            self.committed = self.end;
        }
        Position(self.end)
    }

    fn tell_page(&mut self, line: String) {
        if self.shows_pages {
            self.lines.push(line);
        }
    }
}

/// A handle of the log; clones are the same log.
#[derive(Clone, Debug, Default)]
pub struct TestStore(Arc<Mutex<State>>);

impl TestStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Nothing is committed from now on until [`TestStore::commit`].
    pub fn hold(&self) {
        self.state().is_held = true;
    }

    /// Everything so far is committed.
    pub fn commit(&self) {
        let mut state = self.state();
        state.committed = state.end;
    }

    /// The same, and what is to come too, at once.
    pub fn go_on(&self) {
        self.state().is_held = false;
        self.commit();
    }

    /// The log is dead.
    pub fn fail(&self) {
        self.state().has_failed = true;
    }

    pub fn show_messages(&self) {
        self.state().shows_messages = true;
    }

    pub fn show_definitions(&self) {
        self.state().shows_definitions = true;
    }

    pub fn show_pages(&self) {
        self.state().shows_pages = true;
    }

    /// The entries of a page, read.
    pub fn read(&self, page: PageId) -> Vec<Entry> {
        let mut state = self.state();
        state.tell_page(format!("read page {}", page.0));
        let paged = state.pages.get(&page.0).expect("a page that is there").clone();
        let read = |paged: Paged| {
            let logged = state.messages.get(&paged.place.id.get()).expect("what is in a page is in the log");
            let Logged { bytes, head_len, durable, .. } = logged;
            let message = Message::restored(bytes.clone(), *head_len, paged.place, *durable);
            let Paged { position, redelivered, expires_at, .. } = paged;
            Entry { redelivered, expires_at, ..Entry::new(position, message.unwrap()) }
        };
        paged.into_iter().map(read).collect()
    }

    /// A page is back in memory.
    pub fn forget(&self, page: PageId) {
        self.state().pages.remove(&page.0).expect("a page that is there");
    }

    /// Whether a page is there, read or not.
    pub fn has_page(&self, page: PageId) -> bool {
        self.state().pages.contains_key(&page.0)
    }

    /// A queue is done with everything in a page.
    pub fn drop_page(&self, page: PageId) {
        let paged = self.state().pages.remove(&page.0).expect("a page that is there");
        self.state().tell_page(format!("drop page {}", page.0));
        for Paged { place, .. } in paged {
            let durable = self.state().messages.get(&place.id.get()).is_some_and(|logged| logged.durable);
            self.settle(Settle { id: place.id, durable });
        }
    }

    /// How many messages nobody has settled, and how many pages are neither back in memory nor dropped.
    pub fn left(&self) -> (usize, usize) {
        let state = self.state();
        (state.messages.len(), state.pages.len())
    }

    /// What a queue may hold in memory.
    pub fn set_budget(&self, bytes: usize) {
        self.state().budget_bytes = Some(bytes);
    }

    /// A queue is done with a message.
    pub fn settle(&self, settle: Settle) {
        let mut state = self.state();
        let id = settle.id.get();
        let Logged { queue, durable, .. } =
            state.messages.remove(&id).expect("what is settled is in the log");
        assert_eq!(durable, settle.durable, "what message {id} was logged as");
        if state.shows_messages {
            let spilled = if durable { "" } else { " spilled" };
            state.lines.push(format!("settle {id} queue={queue}{spilled}"));
        }
    }

    /// What it has been told since the last call, if that is to be shown.
    pub fn take_lines(&self) -> Vec<String> {
        std::mem::take(&mut self.state().lines)
    }
}

impl Store for TestStore {
    fn keeps(&self) -> bool {
        true
    }

    fn writer(&self) -> Box<dyn Writer> {
        Box::new(TestWriter { store: self.clone(), encoded: Vec::new() })
    }

    fn define(&self, changes: &[Definition]) -> Position {
        let mut state = self.state();
        if state.shows_definitions {
            state.lines.extend(changes.iter().map(described));
        }
        state.advance()
    }

    fn committed(&self) -> Position {
        Position(self.state().committed)
    }

    fn has_failed(&self) -> bool {
        self.state().has_failed
    }

    fn put_page(&self, entries: &[Entry]) -> PageId {
        assert!(!entries.is_empty(), "a page without entries is for nobody");
        let mut state = self.state();
        state.last_page += 1;
        let page = state.last_page;
        let paged = entries.iter().map(|entry| Paged {
            place: entry.message.place().expect("what is put into a page has a place"),
            position: entry.position,
            redelivered: entry.redelivered,
            expires_at: entry.expires_at,
        });
        let paged: Vec<Paged> = paged.collect();
        let ids: Vec<String> = paged.iter().map(|paged| paged.place.id.to_string()).collect();
        state.tell_page(format!("page {page}: {}", ids.join(",")));
        state.pages.insert(page, paged);
        PageId(page)
    }

    fn queue_budget_bytes(&self) -> usize {
        self.state().budget_bytes.unwrap_or(usize::MAX)
    }
}

/// A message that was encoded and not written yet.
#[derive(Debug)]
struct Encoded {
    queues: Vec<u64>,
    durable: bool,
    bytes: Bytes,
    head_len: u32,
}

#[derive(Debug)]
struct TestWriter {
    store: TestStore,
    encoded: Vec<Encoded>,
}

impl Writer for TestWriter {
    fn message(&mut self, message: &Message, record: &Record<'_>) {
        assert!(!record.queues.is_empty(), "a record without a queue is for nobody");
        let head = message.head_parts().concat();
        let head_len = u32::try_from(head.len()).unwrap();
        let bytes = Bytes::from([&head, message.body()].concat());
        let queues = record.queues.iter().map(|queue| queue.0).collect();
        self.encoded.push(Encoded { queues, durable: record.durable, bytes, head_len });
    }

    fn write(&mut self, places: &mut Vec<Place>) -> Position {
        let encoded = std::mem::take(&mut self.encoded);
        assert!(!encoded.is_empty(), "there is something to write");
        let mut state = self.store.state();
        let position = state.advance();
        if position == Position::NEVER {
            return position;
        }
        for Encoded { queues, durable, bytes, head_len } in encoded {
            let len = u32::try_from(bytes.len()).unwrap();
            if state.shows_messages {
                let what = if durable { "append" } else { "spill" };
                let names: Vec<String> = queues.iter().map(u64::to_string).collect();
                let line = format!("{what} {} queues={}", state.last_id + 1, names.join(","));
                state.lines.push(line);
            }
            for queue in queues {
                state.last_id += 1;
                let id = NonZeroU64::new(state.last_id).unwrap();
                places.push(Place { id, offset: head_len, len });
                let logged = Logged { queue, durable, bytes: bytes.clone(), head_len };
                state.messages.insert(id.get(), logged);
            }
        }
        position
    }
}

/// A definition in one line.
fn described(definition: &Definition) -> String {
    let names = |vhost: &str, name: &str| format!("{} {}", shown(vhost.as_bytes()), shown(name.as_bytes()));
    match definition {
        Definition::Vhost { name, .. } => format!("vhost {name}"),
        Definition::NoVhost(name) => format!("no vhost {name}"),
        Definition::User(user) => {
            let vhosts: Vec<&str> = user.all_permissions().map(|(vhost, _)| vhost).collect();
            format!("user {} vhosts={}", user.name, vhosts.join(","))
        }
        Definition::NoUser(name) => format!("no user {name}"),
        Definition::Exchange { vhost, spec } => {
            format!("exchange {} {}", names(vhost, &spec.name), spec.kind.as_str())
        }
        Definition::NoExchange { vhost, name } => format!("no exchange {}", names(vhost, name)),
        Definition::Queue { vhost, id, name, auto_delete, arguments } => {
            let auto_delete = if *auto_delete { " auto-delete" } else { "" };
            format!("queue {} id={}{auto_delete} {arguments}", names(vhost, name), id.0)
        }
        Definition::NoQueue { vhost, name } => format!("no queue {}", names(vhost, name)),
        Definition::Policy { vhost, policy } => {
            let kind = policy_kind(policy.spec().kind);
            format!("{kind} {}", names(vhost, &policy.spec().name))
        }
        Definition::NoPolicy { vhost, kind, name } => {
            format!("no {} {}", policy_kind(*kind), names(vhost, name))
        }
        Definition::Parameter(own) => {
            format!("parameter {} {}", own.component, names(&own.vhost, &own.name))
        }
        Definition::NoParameter { vhost, component, name } => {
            format!("no parameter {component} {}", names(vhost, name))
        }
        Definition::GlobalParameter(own) => format!("global parameter {}", own.name),
        Definition::NoGlobalParameter(name) => format!("no global parameter {name}"),
        Definition::Binding(binding) => format!("binding {}", described_binding(binding)),
        Definition::NoBinding(binding) => format!("no binding {}", described_binding(binding)),
    }
}

fn policy_kind(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::User => "policy",
        PolicyKind::Operator => "operator-policy",
    }
}

fn described_binding(binding: &DurableBinding) -> String {
    let DurableBinding { vhost, source, destination, routing_key, arguments } = binding;
    let destination = match destination {
        BindingEnd::Queue(name) => format!("queue={}", shown(name.as_bytes())),
        BindingEnd::Exchange(name) => format!("exchange={}", shown(name.as_bytes())),
    };
    format!("{vhost} {source} {destination} key={} {arguments}", shown(routing_key))
}
