//! The disk is full, or broken: the log stops, says so, and what it had confirmed is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use leveret_storage::{Batch, CrashDisk, Fate, Log, LogFailed, Operation, Position, Waiter};

use crate::world::{Spoilt, World};

#[derive(Default)]
struct Bell(AtomicUsize);

impl Waiter for Bell {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Runs until the log has failed, and what it says then.
#[track_caller]
fn until_it_fails(world: &mut World) -> LogFailed {
    let bell = Arc::new(Bell::default());
    world.log.wake_at(Position(u64::MAX - 1), bell.clone());
    let failure = (0..10_000).find_map(|_| world.steps(1).err()).expect("it fails at some time");
    assert!(world.log.has_failed());
    assert_eq!(bell.0.load(Ordering::SeqCst), 1, "those who wait are told");
    failure
}

/// A log that has failed takes nothing, touches the disk no more, and lets nobody wait.
#[track_caller]
fn assert_dead(log: &Log, disk: &CrashDisk) {
    let (operations, committed) = (disk.operations(), log.committed());
    assert!(log.append(&mut Batch::default(), &mut Vec::new()).is_err());
    assert!(log.commit().is_err() && log.close(&[]).is_err());
    let bell = Arc::new(Bell::default());
    log.wake_at(Position(u64::MAX - 1), bell.clone());
    assert_eq!(bell.0.load(Ordering::SeqCst), 1);
    assert_eq!((disk.operations(), log.committed()), (operations, committed));
}

#[test]
fn after_a_failure_nothing_is_confirmed_and_nothing_confirmed_is_lost() {
    for operation in [Operation::Write, Operation::Sync, Operation::Create] {
        for nth in 0..20 {
            let (disk, world) = World::begin(nth, None);
            let mut world = world.unwrap();
            disk.fail(operation, nth / 2);
            let failure = until_it_fails(&mut world).to_string();
            assert!(failure.contains("segment ") && failure.contains("the disk is broken"), "{failure}");
            assert_dead(&world.log, &disk);
            for fate in [Fate::Lost, Fate::Kept, Fate::Torn(nth)] {
                let crashed = Arc::new(disk.after_crash(fate));
                let oracle = world.oracle.clone();
                World::reopen(&crashed, oracle, world.random(), Spoilt::default()).unwrap();
            }
        }
    }
}

#[test]
fn a_full_disk_ends_the_log_and_spoils_nothing() {
    for seed in 0..20 {
        let (disk, world) = World::begin(seed, None);
        let mut world = world.unwrap();
        disk.set_capacity(3 * 4096 + 100);
        let failure = until_it_fails(&mut world).to_string();
        assert!(failure.contains("no storage space"), "{failure}");
        assert_dead(&world.log, &disk);
        let crashed = Arc::new(disk.after_crash(Fate::Lost));
        World::reopen(&crashed, world.oracle.clone(), world.random(), Spoilt::default()).unwrap();
    }
}

#[test]
fn what_can_be_read_still_can_after_a_failure() {
    let (disk, world) = World::begin(1, None);
    let mut world = world.unwrap();
    disk.fail(Operation::Sync, 3);
    until_it_fails(&mut world);
    let places: Vec<_> = world.oracle.pairs.iter().map(|pair| pair.place).collect();
    assert!(!places.is_empty());
    for (pair, message) in world.oracle.pairs.iter().zip(world.log.read(&places)) {
        assert_eq!(message.unwrap().body(), crate::world::body(pair.number));
    }
}
