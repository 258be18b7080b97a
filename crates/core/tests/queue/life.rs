//! Random lives of a queue: what it is, how it is to behave, and what happens to it.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use leveret_core::model::{
    ConsumerSpec, DeadLetterTo, DeliveryLimit, Overflow, QueueKind, QueueSettings, QueueTraits,
};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

use super::watched::{Publish, Watched};

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Step {
    Publish(Publish),
    Subscribe(ConsumerSpec),
    Unsubscribe(usize),
    Shut(usize),
    Open(usize),
    Settle(usize),
    Requeue { which: Vec<usize>, has_failed: bool },
    Reject(Vec<usize>),
    Get(bool),
    Take { which: usize, comes_back: bool },
    Purge,
    Wait(u64),
    Deadline,
    Page(usize),
    LosePage(usize),
    Budget(usize),
    Apply(QueueSettings),
}

/// What a queue is.
pub fn traits() -> impl Strategy<Value = QueueTraits> {
    let max_priority = prop_oneof![3 => Just(0), 2 => 1..4_u8];
    (max_priority, any::<bool>(), proptest::bool::weighted(0.2)).prop_map(
        |(max_priority, is_quorum, single_active_consumer)| {
            let kind = if is_quorum { QueueKind::Quorum } else { QueueKind::Classic };
            QueueTraits { kind, max_priority, default_priority: 0, single_active_consumer }
        },
    )
}

/// How it is to behave.
pub fn settings() -> impl Strategy<Value = QueueSettings> {
    let overflow = prop_oneof![
        2 => Just(None),
        1 => Just(Some(Overflow::DropHead)),
        1 => Just(Some(Overflow::RejectPublish)),
        1 => Just(Some(Overflow::RejectPublishDlx)),
    ];
    let limit = prop_oneof![
        2 => Just(None),
        1 => (0..3_u32).prop_map(|limit| Some(DeliveryLimit::Returns(limit))),
        1 => Just(Some(DeliveryLimit::Unlimited)),
    ];
    let lengths = (weighted(0.3, 0..20_u64), weighted(0.2, 0..200_u64));
    let times = (weighted(0.3, 0..40_u64), weighted(0.3, 1..60_u64));
    (times, lengths, overflow, any::<bool>(), limit).prop_map(
        |((ttl, expires), (max_length, max_length_bytes), overflow, has_dead_letters, delivery_limit)| {
            let to = DeadLetterTo { exchange: "x".to_owned(), routing_key: None };
            QueueSettings {
                message_ttl: ttl.map(Duration::from_millis),
                expires: expires.map(Duration::from_millis),
                max_length,
                max_length_bytes,
                overflow,
                dead_letter: has_dead_letters.then(|| Arc::new(to)),
                delivery_limit,
                consumer_timeout: None,
            }
        },
    )
}

fn subscribe() -> impl Strategy<Value = Step> {
    (0..4_u16, -1..2, any::<bool>(), proptest::bool::weighted(0.05)).prop_map(
        |(prefetch, priority, auto_ack, exclusive)| {
            Step::Subscribe(ConsumerSpec {
                prefetch: NonZeroU16::new(prefetch),
                priority,
                exclusive,
                auto_ack,
            })
        },
    )
}

fn publish() -> impl Strategy<Value = Step> {
    let expiration = prop_oneof![4 => 0..30_u64, 1 => 1000..3000_u64];
    (1..12_usize, weighted(0.3, expiration), 0..4_u8, proptest::bool::weighted(0.85)).prop_map(
        |(count, expiration, priority, is_placed)| {
            let expiration = expiration.map(Duration::from_millis);
            Step::Publish(Publish { count, expiration, priority, is_placed })
        },
    )
}

/// One step of a life.
pub fn step() -> impl Strategy<Value = Step> {
    let which = || vec(any::<usize>(), 1..4);
    prop_oneof![
        6 => publish(),
        3 => subscribe(),
        1 => (0..6_usize).prop_map(Step::Unsubscribe),
        2 => (0..6_usize).prop_map(Step::Shut),
        2 => (0..6_usize).prop_map(Step::Open),
        5 => any::<usize>().prop_map(Step::Settle),
        3 => (which(), any::<bool>()).prop_map(|(which, has_failed)| Step::Requeue { which, has_failed }),
        2 => which().prop_map(Step::Reject),
        2 => any::<bool>().prop_map(Step::Get),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(which, comes_back)| Step::Take { which, comes_back }),
        1 => Just(Step::Purge),
        2 => prop_oneof![4 => 0..20_u64, 1 => 500..2000_u64].prop_map(Step::Wait),
        3 => Just(Step::Deadline),
        8 => any::<usize>().prop_map(Step::Page),
        1 => any::<usize>().prop_map(Step::LosePage),
        1 => (100..4000_usize).prop_map(Step::Budget),
        1 => settings().prop_map(Step::Apply),
    ]
}

pub fn play(watched: &mut Watched, step: Step) {
    match step {
        Step::Publish(publish) => watched.publish(publish),
        Step::Subscribe(spec) => watched.subscribe(spec),
        Step::Unsubscribe(index) => watched.unsubscribe(index),
        Step::Shut(index) => watched.set_open(index, false),
        Step::Open(index) => watched.set_open(index, true),
        Step::Settle(index) => watched.settle(index),
        Step::Requeue { which, has_failed } => watched.requeue(&which, has_failed),
        Step::Reject(which) => watched.reject(&which),
        Step::Get(auto_ack) => watched.get(auto_ack),
        Step::Take { which, comes_back } => watched.take(which, comes_back),
        Step::Purge => watched.purge(),
        Step::Wait(millis) => watched.model.now = watched.model.now + Duration::from_millis(millis),
        Step::Deadline => watched.meet_deadline(),
        Step::Page(index) => watched.answer(index, false),
        Step::LosePage(index) => watched.answer(index, true),
        Step::Budget(bytes) => watched.model.budget = bytes,
        Step::Apply(settings) => watched.apply(settings),
    }
    watched.check();
}

/// Everything that is held comes back, and somebody takes it all.
pub fn drain(watched: &mut Watched) {
    for index in 0..watched.model.audience.len() {
        // A consumer would take it right back.
        watched.unsubscribe(index);
    }
    watched.check();
    while !watched.model.held.is_empty() {
        watched.requeue(&[0, 1, 2], false);
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
