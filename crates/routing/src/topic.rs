//! Topic exchanges (§3.1.3.3): patterns over words between dots, `*` for one word, `#` for any number.
//!
//! The patterns form a trie: an edge is a word, `*` or `#`. A key walks it as a set of nodes, all paths
//! at once. A node has one parent, so it can be entered twice only below a `#`; and a `#`, once
//! reached, stays reached, since it may swallow any word. Hence no node is looked at more than once a
//! word, however many `#` a pattern has.
//!
//! As RabbitMQ: the empty key has no words, every other key has one more than dots, so words may be
//! empty and are matched as such. A wildcard is a whole word: `**` and `a#` are plain words.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::binding::{BindError, Destination};
use crate::distinct::Distinct;
use crate::persistent::{Map, Seed};
use crate::targets::Targets;

/// RabbitMQ 4.3.5 refuses more `#` in one pattern.
const HASHES_MAX: usize = 2;

/// The patterns of one exchange.
#[derive(Clone)]
pub struct Topic<Q> {
    root: Arc<Node<Q>>,
}

/// What may follow one beginning of a pattern. Only the root may have neither targets nor children.
#[derive(Clone)]
struct Node<Q> {
    words: Map<Arc<[u8]>, Arc<Node<Q>>>,
    star: Option<Arc<Node<Q>>>,
    hash: Option<Arc<Node<Q>>>,
    /// Where the pattern goes that ends here.
    targets: Targets<Q>,
}

impl<Q> Default for Node<Q> {
    fn default() -> Self {
        Self { words: Map::default(), star: None, hash: None, targets: Targets::default() }
    }
}

impl<Q> Default for Topic<Q> {
    fn default() -> Self {
        Self { root: Arc::default() }
    }
}

/// The words of a pattern or of a routing key.
fn words(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    // Splitting nothing would give one empty word, where there is none.
    (!key.is_empty()).then(|| key.split(|byte| *byte == b'.')).into_iter().flatten()
}

/// Whether the pattern may be bound.
pub fn check(pattern: &[u8]) -> Result<(), BindError> {
    let wildcards = words(pattern).filter(|word| *word == b"#").count();
    if HASHES_MAX < wildcards {
        let key = String::from_utf8_lossy(pattern).into_owned();
        return Err(BindError::TooManyWildcards { key, wildcards });
    }
    Ok(())
}

impl<Q: Clone + Eq + Hash> Topic<Q> {
    pub fn insert(&mut self, seed: &Seed, pattern: &[u8], destination: Destination<Q>) {
        let mut node = Arc::make_mut(&mut self.root);
        for word in words(pattern) {
            node = Arc::make_mut(match word {
                b"*" => node.star.get_or_insert_default(),
                b"#" => node.hash.get_or_insert_default(),
                word => node.words.entry(seed, word.into()),
            });
        }
        node.targets.insert(seed, destination);
    }

    pub fn remove(&mut self, pattern: &[u8], destination: &Destination<Q>) {
        Arc::make_mut(&mut self.root).remove(&mut words(pattern), destination);
    }

    pub fn for_each_match<'t>(
        &'t self,
        seed: &'t Seed,
        routing_key: &[u8],
        reach: &mut impl FnMut(&'t Destination<Q>),
    ) {
        let mut walk = Walk { seed, open: Distinct::default() };
        // They take turns, so that a wide walk allocates once and not once a word.
        let (mut here, mut next) = (&mut Nodes::new(), &mut Nodes::new());
        walk.enter(&self.root, here);
        for word in words(routing_key) {
            walk.step(word, here, next);
            std::mem::swap(&mut here, &mut next);
        }
        let open = walk.open.as_slice().iter().map(|open| open.0);
        for node in here.iter().copied().chain(open) {
            node.targets.for_each(reach);
        }
    }
}

impl<Q: Clone + Eq + Hash> Node<Q> {
    fn is_empty(&self) -> bool {
        self.targets.is_empty() && self.words.is_empty() && self.star.is_none() && self.hash.is_none()
    }

    /// Takes the rest of a pattern away, and every node that nothing needs then. As deep as the
    /// pattern has words, of which a short string holds at most 256.
    fn remove<'p>(&mut self, rest: &mut impl Iterator<Item = &'p [u8]>, destination: &Destination<Q>) {
        let Some(word) = rest.next() else { return self.targets.remove(destination) };
        let slot = match word {
            b"*" => &mut self.star,
            b"#" => &mut self.hash,
            word => return self.remove_below(word, rest, destination),
        };
        if let Some(child) = slot {
            let child = Arc::make_mut(child);
            child.remove(rest, destination);
            if child.is_empty() {
                *slot = None;
            }
        }
    }

    fn remove_below<'p>(
        &mut self,
        word: &[u8],
        rest: &mut impl Iterator<Item = &'p [u8]>,
        destination: &Destination<Q>,
    ) {
        if let Some(child) = self.words.get_mut(word) {
            let child = Arc::make_mut(child);
            child.remove(rest, destination);
            if child.is_empty() {
                self.words.remove(word);
            }
        }
    }
}

/// The nodes that a word or `*` has just led to.
type Nodes<'t, Q> = SmallVec<[&'t Node<Q>; 8]>;

struct Walk<'t, Q> {
    seed: &'t Seed,
    /// The nodes that a `#` has led to: here and from here on.
    open: Distinct<Open<'t, Q>>,
}

impl<'t, Q: Clone + Eq + Hash> Walk<'t, Q> {
    /// From everywhere `before` the word to everywhere after it. Leaves `before` empty.
    fn step(&mut self, word: &[u8], before: &mut Nodes<'t, Q>, after: &mut Nodes<'t, Q>) {
        // What this word opens is not for this word.
        let open = self.open.as_slice().len();
        for node in before.drain(..) {
            self.follow(node, word, after);
        }
        for at in 0..open {
            if let Some(Open(node)) = self.open.as_slice().get(at) {
                self.follow(node, word, after);
            }
        }
    }

    fn follow(&mut self, node: &'t Node<Q>, word: &[u8], after: &mut Nodes<'t, Q>) {
        if let Some(next) = node.words.get(word) {
            self.enter(next, after);
        }
        if let Some(next) = &node.star {
            self.enter(next, after);
        }
    }

    /// A node is reached, and with it the `#` after it, which may stand for no word at all.
    fn enter(&mut self, node: &'t Node<Q>, here: &mut Nodes<'t, Q>) {
        here.push(node);
        self.open_below(node);
    }

    fn open_below(&mut self, node: &'t Node<Q>) {
        if let Some(hash) = &node.hash
            && !self.open.contains(self.seed, &Open(hash))
        {
            self.open.push_new(Open(hash));
            self.open_below(hash); // for `#.#`
        }
    }
}

/// A node, equal only to itself.
struct Open<'t, Q>(&'t Node<Q>);

impl<Q> PartialEq for Open<'_, Q> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl<Q> Eq for Open<'_, Q> {}

impl<Q> Hash for Open<'_, Q> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::hash(self.0, state);
    }
}
