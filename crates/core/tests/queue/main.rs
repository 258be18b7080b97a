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

mod model;
mod watched;

use std::num::NonZeroU16;
use std::time::Duration;

use leveret_core::model::ConsumerSpec;
use proptest::collection::vec;
use proptest::prelude::*;

use watched::Watched;

#[derive(Clone, Debug)]
enum Step {
    Publish { count: usize, ttl: Option<u64>, is_placed: bool },
    Subscribe { prefetch: u16, priority: i32, auto_ack: bool, exclusive: bool },
    Unsubscribe(usize),
    Shut(usize),
    Open(usize),
    Settle(usize),
    Requeue(Vec<usize>),
    Get(bool),
    Purge,
    Wait(u64),
    Page(usize),
    LosePage(usize),
    Budget(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let subscribe = (0..4_u16, -1..2, any::<bool>(), proptest::bool::weighted(0.05)).prop_map(
        |(prefetch, priority, auto_ack, exclusive)| Step::Subscribe {
            prefetch,
            priority,
            auto_ack,
            exclusive,
        },
    );
    let publish = (1..12_usize, proptest::option::weighted(0.3, 0..30_u64), proptest::bool::weighted(0.85))
        .prop_map(|(count, ttl, is_placed)| Step::Publish { count, ttl, is_placed });
    prop_oneof![
        6 => publish,
        3 => subscribe,
        1 => (0..6_usize).prop_map(Step::Unsubscribe),
        2 => (0..6_usize).prop_map(Step::Shut),
        2 => (0..6_usize).prop_map(Step::Open),
        5 => any::<usize>().prop_map(Step::Settle),
        3 => vec(any::<usize>(), 1..4).prop_map(Step::Requeue),
        2 => any::<bool>().prop_map(Step::Get),
        1 => Just(Step::Purge),
        2 => (0..20_u64).prop_map(Step::Wait),
        8 => any::<usize>().prop_map(Step::Page),
        1 => any::<usize>().prop_map(Step::LosePage),
        1 => (100..4000_usize).prop_map(Step::Budget),
    ]
}

fn play(watched: &mut Watched, step: Step) {
    match step {
        Step::Publish { count, ttl, is_placed } => {
            watched.publish(count, ttl.map(Duration::from_millis), is_placed);
        }
        Step::Subscribe { prefetch, priority, auto_ack, exclusive } => watched.subscribe(ConsumerSpec {
            prefetch: NonZeroU16::new(prefetch),
            priority,
            exclusive,
            auto_ack,
        }),
        Step::Unsubscribe(index) => watched.unsubscribe(index),
        Step::Shut(index) => watched.set_open(index, false),
        Step::Open(index) => watched.set_open(index, true),
        Step::Settle(index) => watched.settle(index),
        Step::Requeue(indices) => watched.requeue(&indices),
        Step::Get(auto_ack) => watched.get(auto_ack),
        Step::Purge => watched.purge(),
        Step::Wait(millis) => watched.model.now = watched.model.now + Duration::from_millis(millis),
        Step::Page(index) => watched.answer(index, false),
        Step::LosePage(index) => watched.answer(index, true),
        Step::Budget(bytes) => watched.model.budget = bytes,
    }
    watched.check();
}

/// Everything that is held comes back, and somebody takes it all.
fn drain(watched: &mut Watched) {
    for index in 0..watched.model.consumers.len() {
        // A consumer would take it right back.
        watched.unsubscribe(index);
    }
    while !watched.model.held.is_empty() {
        watched.requeue(&[0, 1, 2]);
        watched.check();
    }
    while !watched.model.ready.is_empty() {
        watched.get(true);
        watched.answer(0, false);
        watched.check();
    }
    assert!(watched.model.pages.is_empty(), "no page is forgotten");
    assert_eq!(watched.queue.ready_bytes(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_queue_keeps_its_rules_through_any_life(
        ttl in proptest::option::weighted(0.3, 0..40_u64),
        steps in vec(step(), 1..80),
    ) {
        let mut watched = Watched::new(ttl.map(Duration::from_millis), usize::MAX);
        for step in steps.into_iter().filter(|step| !matches!(step, Step::Budget(_))) {
            play(&mut watched, step);
        }
        prop_assert_eq!(watched.model.last_page, 0, "a queue without a budget does not page");
    }

    #[test]
    fn a_queue_that_pages_keeps_them_too(
        ttl in proptest::option::weighted(0.3, 0..40_u64),
        budget in 100..3000_usize,
        steps in vec(step(), 1..120),
    ) {
        let mut watched = Watched::new(ttl.map(Duration::from_millis), budget);
        for step in steps {
            play(&mut watched, step);
        }
        drain(&mut watched);
    }

    #[test]
    fn equal_consumers_get_equal_shares(consumers in 1..8_usize, batches in vec(1..10_usize, 1..10)) {
        let mut watched = Watched::new(None, usize::MAX);
        for _ in 0..consumers {
            watched.subscribe(ConsumerSpec::default());
        }
        for count in batches {
            watched.publish(count, None, true);
        }
        for (turn, (consumer, number)) in watched.model.deliveries.iter().enumerate() {
            prop_assert_eq!((*consumer, *number), (turn % consumers, turn as u64));
        }
    }
}

#[test]
fn a_shut_door_passes_its_turn_on_and_gets_it_back_when_it_opens() {
    let mut watched = Watched::new(None, usize::MAX);
    watched.subscribe(ConsumerSpec::default());
    watched.subscribe(ConsumerSpec::default());
    watched.set_open(0, false);
    watched.publish(3, None, true);
    assert_eq!(watched.model.deliveries, [(1, 0), (1, 1), (1, 2)]);
    watched.set_open(0, true);
    watched.publish(3, None, true);
    assert_eq!(watched.model.deliveries[3..], [(1, 3), (0, 4), (1, 5)]);
}

#[test]
fn messages_wait_for_the_only_door_to_open() {
    let mut watched = Watched::new(None, usize::MAX);
    watched.subscribe(ConsumerSpec::default());
    watched.set_open(0, false);
    watched.publish(2, None, true);
    assert!(watched.model.deliveries.is_empty());
    watched.set_open(0, true);
    assert_eq!(watched.model.deliveries, [(0, 0), (0, 1)]);
}

#[test]
fn a_new_consumer_of_an_old_place_does_not_inherit_what_was_held() {
    let mut watched = Watched::new(None, usize::MAX);
    let one = ConsumerSpec { prefetch: NonZeroU16::new(1), ..ConsumerSpec::default() };
    watched.subscribe(one);
    watched.publish(3, None, true);
    watched.unsubscribe(0);
    watched.subscribe(one);
    assert_eq!(watched.model.deliveries, [(0, 0), (1, 1)]);
    watched.settle(0); // the first consumer's
    assert_eq!(watched.model.deliveries.len(), 2, "the second still holds its own");
    watched.check();
}
