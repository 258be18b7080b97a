//! The queue machine alone, against a naive model that watches every message it hands out.
//!
//! The model is the machine's [`Doors`]: it knows what waits, who holds what, and whose door is open, and
//! objects the moment the machine does something that its rules don't allow. A random life of a queue
//! (`proptest`) must pass without objection, and the numbers must add up after every step.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

mod audience;
mod life;
mod looking;
mod model;
mod watched;

use std::num::NonZeroU16;

use leveret_core::model::{ConsumerSpec, QueueSettings, QueueTraits};
use proptest::collection::vec;
use proptest::prelude::*;

use life::{Step, drain, play, settings, step, traits};
use watched::{Publish, Watched};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_queue_keeps_its_rules_through_any_life(
        traits in traits(),
        settings in settings(),
        steps in vec(step(), 1..80),
    ) {
        let mut watched = Watched::new(traits, settings, usize::MAX);
        for step in steps.into_iter().filter(|step| !matches!(step, Step::Budget(_))) {
            play(&mut watched, step);
        }
        prop_assert_eq!(watched.model.last_page, 0, "a queue without a budget does not page");
    }

    #[test]
    fn a_queue_that_pages_keeps_them_too(
        traits in traits(),
        settings in settings(),
        budget in 100..3000_usize,
        steps in vec(step(), 1..120),
    ) {
        let mut watched = Watched::new(traits, settings, budget);
        for step in steps {
            play(&mut watched, step);
        }
        drain(&mut watched);
    }

    #[test]
    fn equal_consumers_get_equal_shares(consumers in 1..8_usize, batches in vec(1..10_usize, 1..10)) {
        let mut watched = plain();
        for _ in 0..consumers {
            watched.subscribe(ConsumerSpec::default());
        }
        for count in batches {
            watched.publish(some(count));
        }
        for (turn, (consumer, number)) in watched.model.deliveries.iter().enumerate() {
            prop_assert_eq!((*consumer, *number), (turn % consumers, turn as u64));
        }
    }
}

/// A queue without any rules of its own.
fn plain() -> Watched {
    Watched::new(QueueTraits::default(), QueueSettings::default(), usize::MAX)
}

/// So many messages, with nothing special about them.
fn some(count: usize) -> Publish {
    Publish { count, expiration: None, priority: 0, is_placed: true }
}

#[test]
fn a_shut_door_passes_its_turn_on_and_gets_it_back_when_it_opens() {
    let mut watched = plain();
    watched.subscribe(ConsumerSpec::default());
    watched.subscribe(ConsumerSpec::default());
    watched.set_open(0, false);
    watched.publish(some(3));
    assert_eq!(watched.model.deliveries, [(1, 0), (1, 1), (1, 2)]);
    watched.set_open(0, true);
    watched.publish(some(3));
    assert_eq!(watched.model.deliveries[3..], [(1, 3), (0, 4), (1, 5)]);
}

#[test]
fn messages_wait_for_the_only_door_to_open() {
    let mut watched = plain();
    watched.subscribe(ConsumerSpec::default());
    watched.set_open(0, false);
    watched.publish(some(2));
    assert!(watched.model.deliveries.is_empty());
    watched.set_open(0, true);
    assert_eq!(watched.model.deliveries, [(0, 0), (0, 1)]);
}

#[test]
fn a_new_consumer_of_an_old_place_does_not_inherit_what_was_held() {
    let mut watched = plain();
    let one = ConsumerSpec { prefetch: NonZeroU16::new(1), ..ConsumerSpec::default() };
    watched.subscribe(one);
    watched.publish(some(3));
    watched.unsubscribe(0);
    watched.subscribe(one);
    assert_eq!(watched.model.deliveries, [(0, 0), (1, 1)]);
    watched.settle(0); // the first consumer's
    assert_eq!(watched.model.deliveries.len(), 2, "the second still holds its own");
    watched.check();
}
