//! The power goes while house is kept, and the view is what is left of it: as it was, without what was not synced,
//! an older one, or none.

use std::sync::Arc;

use leveret_storage::{CrashDisk, Fate, MemoryView, NoView};

use crate::world::{OPTIONS, Oracle, Random, World, open_with};

/// What may be left of a view.
fn views(world: &World, older: &MemoryView) -> Vec<MemoryView> {
    let now = world.view.as_ref().unwrap().copy();
    let crashed = now.copy();
    crashed.crash();
    vec![now, crashed, older.copy(), MemoryView::default()]
}

/// Whatever the view, the log says the same as without, and goes on.
#[track_caller]
fn survives(disk: &CrashDisk, fate: Fate, views: &[MemoryView], (oracle, random): (&Oracle, &Random)) {
    let alone = Arc::new(disk.after_crash(fate));
    let (_, expected) = open_with(&alone, Box::new(NoView), OPTIONS).unwrap();
    for view in views {
        let crashed = Arc::new(disk.after_crash(fate));
        let (log, found) = open_with(&crashed, Box::new(view.copy()), OPTIONS).unwrap();
        assert_eq!(found, expected, "a view changes what is found");
        drop(log);
        let crashed = Arc::new(disk.after_crash(fate));
        let mut world = World::reopen_keeping(&crashed, view.copy(), oracle.clone(), random.clone()).unwrap();
        world.steps(10).unwrap();
        world.commit().unwrap();
        let again = Arc::new(world.disk.after_crash(Fate::Lost));
        World::reopen_keeping(&again, view.copy(), world.oracle.clone(), world.random()).unwrap();
    }
}

#[test]
fn nothing_is_lost_and_nothing_comes_back_wherever_housekeeping_is_interrupted() {
    let (mut removed, mut operations) = (0, 0);
    for seed in 0..3 {
        for operation in 20.. {
            let (disk, world) = World::begin_keeping(seed, Some(operation));
            let mut world = world.unwrap();
            let done = world.steps(40);
            let older = world.view.as_ref().unwrap().copy();
            let done = done.and_then(|()| world.steps(120));
            let views = views(&world, &older);
            let fate = match operation % 3 {
                0 => Fate::Lost,
                1 => Fate::Kept,
                _ => Fate::Torn(operation),
            };
            survives(&disk, fate, &views, (&world.oracle, &Random(operation)));
            operations += 1;
            if done.is_ok() && disk.operations() <= operation {
                removed += disk.count(leveret_storage::Operation::Remove);
                break;
            }
        }
    }
    assert!(20 < removed && 300 < operations, "{removed} segments went in {operations} operations");
}

#[test]
fn nothing_is_lost_in_a_row_of_crashes_with_views_of_any_age() {
    for seed in 0..100 {
        let (_, world) = World::begin_keeping(seed, None);
        let mut world = world.unwrap();
        let mut random = Random(!seed);
        let mut older = MemoryView::default();
        for _ in 0..8 {
            world.steps(random.below(100)).unwrap();
            let left = views(&world, &older);
            let fate = [Fate::Lost, Fate::Kept, Fate::Torn(seed)][random.below(3)];
            let view = left[random.below(left.len())].copy();
            if random.percent(30) {
                older = world.view.as_ref().unwrap().copy();
            }
            let crashed = Arc::new(world.disk.after_crash(fate));
            world = World::reopen_keeping(&crashed, view, world.oracle.clone(), world.random()).unwrap();
        }
    }
}
