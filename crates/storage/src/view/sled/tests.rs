//! The view in sled: atomic, synced, and never in the way of an opening.

use std::fs;

use tempfile::TempDir;

use super::*;

fn put(key: &[u8], value: &[u8]) -> Change {
    Change { key: key.to_vec(), value: Some(value.to_vec()) }
}

fn everything(view: &dyn View) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    view.scan(&mut |key, value| found.push((key.to_vec(), value.to_vec()))).unwrap();
    found
}

fn filled(dir: &Path) -> SledView {
    let view = SledView::open(dir).unwrap();
    let changes = (0..500_u32).map(|number| put(&number.to_be_bytes(), &[7; 3000])).collect();
    view.apply(changes).unwrap();
    view.sync().unwrap();
    view
}

#[test]
fn what_was_applied_is_found_after_opening_again() {
    let dir = TempDir::new().unwrap();
    let view = SledView::open(dir.path()).unwrap();
    view.apply(vec![put(b"b", b"2"), put(b"a", b"1"), put(b"c", b"3")]).unwrap();
    view.apply(vec![Change { key: b"c".to_vec(), value: None }, put(b"a", b"one")]).unwrap();
    view.sync().unwrap();
    drop(view);
    let view = SledView::open(dir.path()).unwrap();
    assert_eq!(view.get(b"a").unwrap(), Some(b"one".to_vec()));
    assert_eq!(view.get(b"c").unwrap(), None);
    let expected = [(b"a".to_vec(), b"one".to_vec()), (b"b".to_vec(), b"2".to_vec())];
    assert_eq!(everything(&view), expected);
}

#[test]
fn a_view_that_was_reset_is_empty_and_usable() {
    let dir = TempDir::new().unwrap();
    let view = filled(dir.path());
    view.reset().unwrap();
    assert_eq!(everything(&view), []);
    view.apply(vec![put(b"a", b"1")]).unwrap();
    view.sync().unwrap();
    assert_eq!(everything(&view).len(), 1);
}

#[test]
fn pages_are_read_removed_and_gone_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let view = SledView::open(dir.path()).unwrap();
    view.put_pages(&[(1, b"one"), (2, b"two"), (3, b"three")]).unwrap();
    assert_eq!(view.page(2).unwrap(), Some(b"two".to_vec()));
    view.remove_pages(&[2, 9]).unwrap();
    assert_eq!(view.page(2).unwrap(), None);
    assert_eq!(view.page(3).unwrap(), Some(b"three".to_vec()));
    drop(view);
    let view = SledView::open(dir.path()).unwrap();
    assert_eq!(view.page(3).unwrap(), None);
}

#[test]
fn the_room_of_pages_is_given_back_when_the_last_one_goes() {
    let dir = TempDir::new().unwrap();
    let view = SledView::open(dir.path()).unwrap();
    let page = vec![7; 5 << 10];
    let numbers: Vec<u64> = (0..8000).collect();
    for chunk in numbers.chunks(100) {
        let pages: Vec<_> = chunk.iter().map(|&number| (number, page.as_slice())).collect();
        view.put_pages(&pages).unwrap();
    }
    assert!(PAGES_FOOTPRINT < view.pages.footprint());
    view.remove_pages(&numbers).unwrap();
    assert_eq!(view.pages.footprint(), 0);
    view.put_pages(&[(8000, b"more")]).unwrap();
    assert_eq!(view.page(8000).unwrap(), Some(b"more".to_vec()));
}

/// Whatever damage is done to its files, a view opens: with what it had, with less, or empty.
#[test]
fn a_damaged_directory_opens() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    for round in 0..60 {
        let dir = TempDir::new().unwrap();
        drop(filled(dir.path()));
        let files: Vec<_> = fs::read_dir(dir.path().join("entries"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect();
        let path = &files[draw(files.len())];
        let mut bytes = fs::read(path).unwrap();
        match round % 4 {
            0 => bytes.truncate(draw(bytes.len().max(1))),
            1 => bytes.fill(0xff),
            _ => {
                for _ in 0..=draw(50) {
                    let at = draw(bytes.len().max(1));
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << draw(8);
                    }
                }
            }
        }
        fs::write(path, bytes).unwrap();
        let view = SledView::open(dir.path()).unwrap();
        let readable = view.scan(&mut |_, _| ()).is_ok();
        if !readable {
            view.reset().unwrap();
        }
        view.apply(vec![put(b"new", b"1")]).unwrap();
        assert_eq!(view.get(b"new").unwrap(), Some(b"1".to_vec()), "round {round}");
    }
}

#[test]
fn a_file_where_the_view_should_be_is_an_error_until_the_view_is_reset() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("entries"), b"not a directory").unwrap();
    let view = SledView::open(dir.path()).unwrap();
    assert!(view.scan(&mut |_, _| {}).is_err());
    assert!(view.get(b"a").is_err());
    view.reset().unwrap();
    view.apply(vec![put(b"a", b"1")]).unwrap();
    assert_eq!(everything(&view).len(), 1);
}

#[test]
fn a_view_that_rests_goes_on_where_it_was() {
    let dir = TempDir::new().unwrap();
    let view = SledView::open(dir.path()).unwrap();
    view.apply(vec![put(b"a", b"1")]).unwrap();
    view.rest().unwrap();
    assert_eq!(view.get(b"a").unwrap(), Some(b"1".to_vec()));
}
