//! Words that say a thing is not finished, or that it only works at its author's.

use crate::source::Source;
use crate::{Finding, assert_tidy, source};

/// What is left undone is written down where it is planned, not where it is read. (Each word is cut in
/// two, so that this file does not find itself.)
const BANNED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
    concat!("WI", "P"),
    concat!("dbg", "!"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];

fn banned_words(source: &Source) -> Vec<Finding> {
    let in_line = |(line, text)| {
        let words = BANNED.iter().filter(move |word| stands_alone(text, word));
        words.map(move |word| Finding::new(&source.path, line, format!("`{word}`")))
    };
    source.lines().flat_map(in_line).collect()
}

/// Whether `word` is in `text` without a letter, digit or underscore before or after it.
fn stands_alone(text: &str, word: &str) -> bool {
    let joins = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(joins);
        let after = word.ends_with(joins) && text[at + word.len()..].chars().next().is_some_and(joins);
        !before && !after
    })
}

#[test]
fn nothing_is_left_undone_in_a_comment() {
    // The licence is somebody else's text, and the lock file nobody's.
    let ours = |source: &Source| source.path != "LICENSE" && source.extension() != "lock";
    let findings = source::all().iter().filter(|source| ours(source)).flat_map(banned_words).collect();
    assert_tidy("Finish it, or write it down where work is planned.", findings);
}

#[test]
fn a_banned_word_is_found() {
    for word in BANNED {
        assert_eq!(banned_words(&Source::new("a.md", &format!("a\nb {word}: c\n"))).len(), 1, "{word}");
    }
    let text = format!("{0}_MODE a{0}b {1}Y", BANNED[0], BANNED[2]);
    assert_eq!(banned_words(&Source::new("a.md", &text)), []);
}
