//! The power goes: at every operation, and with every byte of what was not synced.

use std::sync::Arc;

use leveret_storage::{CrashDisk, Fate};

use crate::world::{OPTIONS, Oracle, Random, Spoilt, World, open};

/// Everything that may have become of what was not synced.
fn fates(disk: &CrashDisk, step: usize, random: &mut Random) -> Vec<Fate> {
    let bytes = disk.unsynced_bytes();
    let mut fates = vec![Fate::Lost, Fate::Kept];
    fates.extend((0..bytes).step_by(step).map(Fate::Prefix));
    fates.extend((0..8).map(|_| Fate::Prefix(random.below(bytes + 1))));
    fates.extend((0..16).map(|_| Fate::Torn(random.next())));
    fates
}

/// The log is opened, holds what it must, goes on, and can be opened again.
fn survives(crashed: CrashDisk, oracle: &Oracle, random: Random) {
    let crashed = Arc::new(crashed);
    let mut world = World::reopen(&crashed, oracle.clone(), random, Spoilt::default()).unwrap();
    world.steps(6).unwrap();
    world.commit().unwrap();
    let again = Arc::new(world.disk.after_crash(Fate::Lost));
    World::reopen(&again, world.oracle.clone(), world.random(), Spoilt::default()).unwrap();
}

/// Runs the same steps again and again, each time up to the next operation of the disk.
fn crash_at_every_operation(seed: u64, steps: usize, byte_step: usize) {
    let mut random = Random(!seed);
    for operation in 0.. {
        let (disk, world) = World::begin(seed, Some(operation));
        let Ok(mut world) = world else {
            for fate in fates(&disk, byte_step, &mut random) {
                survives(disk.after_crash(fate), &Oracle::default(), random.clone());
            }
            continue;
        };
        let done = world.steps(steps);
        for fate in fates(&disk, byte_step, &mut random) {
            survives(disk.after_crash(fate), &world.oracle, random.clone());
        }
        if done.is_ok() && disk.operations() <= operation {
            assert!(10 < operation, "the steps need more operations to say anything");
            return;
        }
    }
}

#[test]
fn nothing_committed_is_lost_at_any_operation_and_any_byte() {
    crash_at_every_operation(1, 25, 1);
}

#[test]
fn nothing_committed_is_lost_over_many_segments() {
    for seed in 100..104 {
        crash_at_every_operation(seed, 60, 100);
    }
}

#[test]
fn the_power_may_go_after_the_process_was_killed() {
    // What the process had written is there when the log is opened again, but the disk does not have it yet.
    let mut unsynced = 0;
    for seed in 0..60 {
        for operation in 0.. {
            let (disk, world) = World::begin(seed, Some(seed + 10));
            let mut world = world.unwrap();
            world.steps(100).unwrap_err();
            disk.repair();
            unsynced += disk.unsynced_bytes();
            disk.cut_power_at(disk.operations() + operation);
            let opened = open(&disk, OPTIONS);
            for fate in [Fate::Lost, Fate::Kept, Fate::Torn(seed), Fate::Torn(seed + 1)] {
                survives(disk.after_crash(fate), &world.oracle, Random(seed));
            }
            if opened.is_ok() {
                break;
            }
        }
    }
    assert!(10_000 < unsynced, "the test needs something that was not synced: {unsynced}");
}

#[test]
fn nothing_committed_is_lost_in_a_row_of_crashes() {
    for seed in 0..300 {
        let (disk, world) = World::begin(seed, None);
        let mut world = world.unwrap();
        let mut random = Random(seed);
        drop(disk);
        for _ in 0..8 {
            world.steps(random.below(15)).unwrap();
            let possible = fates(&world.disk, 16, &mut random);
            let fate = possible[random.below(possible.len())];
            let crashed = Arc::new(world.disk.after_crash(fate));
            let oracle = world.oracle.clone();
            world = World::reopen(&crashed, oracle, world.random(), Spoilt::default()).unwrap();
        }
    }
}

#[test]
fn the_power_may_go_while_the_log_is_opened() {
    let mut torn = 0;
    for seed in 0..40 {
        let (disk, world) = World::begin(seed, None);
        let mut world = world.unwrap();
        world.steps(30).unwrap();
        let mut random = Random(seed);
        for fate in (0..4).map(Fate::Torn).chain([Fate::Prefix(random.below(1 + disk.unsynced_bytes()))]) {
            for operation in 0.. {
                let crashed = Arc::new(disk.after_crash(fate));
                crashed.cut_power_at(operation);
                if open(&crashed, OPTIONS).is_ok() && crashed.operations() <= operation {
                    break;
                }
                torn += 1;
                survives(crashed.after_crash(Fate::Torn(seed)), &world.oracle, random.clone());
                survives(crashed.after_crash(Fate::Lost), &world.oracle, random.clone());
            }
        }
    }
    assert!(500 < torn, "the test needs something to recover: {torn}");
}
