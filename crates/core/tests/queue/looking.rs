//! What those see who look at the messages of a queue: each that waits, once, in the order in which they will go.

use leveret_core::model::{Peeked, Queue, Spot};

use super::model::{Model, Rank, number};

/// Messages of one look: few, so that there are many looks.
const BATCH: usize = 5;

/// Looks through all of it, batch by batch.
pub fn check(queue: &Queue, model: &Model) {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let peek = queue.peek(model.now, after, BATCH);
        let mut batch: Vec<(Spot, Rank)> = Vec::new();
        for found in &peek.found {
            match found {
                Peeked::Message(spot, entry) => batch.push((*spot, model.rank(&entry.message))),
                Peeked::Page { rank, page } => {
                    let rank = rank.expect("here priority orders, and not time");
                    let entries = model.pages[&page.0].iter();
                    let spots = entries.map(|entry| {
                        (Spot { rank, position: number(&entry.message) }, model.rank(&entry.message))
                    });
                    batch.extend(spots.filter(|(spot, _)| after.is_none_or(|after| after < *spot)));
                }
            }
        }
        batch.sort_unstable();
        assert!(peek.until.is_none_or(|until| batch.iter().all(|(spot, _)| *spot < until)));
        let last = batch.last().map(|(spot, _)| *spot);
        seen.extend(batch.into_iter().map(|(_, rank)| rank));
        match peek.until {
            None => break,
            Some(_) => after = Some(last.expect("a look comes further")),
        }
    }
    assert_eq!(seen, model.ready.keys().copied().collect::<Vec<_>>(), "what waits is seen in its order");
}
