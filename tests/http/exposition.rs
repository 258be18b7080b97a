//! A reader of Prometheus' text format that forgives nothing.

use std::collections::{BTreeMap, BTreeSet};

/// A sample's labels, in the order in which they stand.
pub type Labels = Vec<(String, String)>;

/// One family.
#[derive(Debug, Default)]
pub struct Family {
    pub kind: String,
    pub samples: Vec<(String, Labels, f64)>,
}

/// A page.
#[derive(Debug)]
pub struct Page(pub BTreeMap<String, Family>);

impl Page {
    /// Reads a page; whatever is not as it must be fails the test.
    pub fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends, too");
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut current = String::new();
        let mut helped = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(!help.is_empty(), "{line}");
                helped = name.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(helped, name, "HELP stands before TYPE");
                let family = Family { kind: kind.to_owned(), samples: Vec::new() };
                assert!(families.insert(name.to_owned(), family).is_none(), "{name} comes twice");
                current = name.to_owned();
            } else {
                let (name, labels, value) = sample(line);
                let family = families.get_mut(&current).unwrap();
                let suffix =
                    name.strip_prefix(current.as_str()).unwrap_or_else(|| panic!("{line} in {current}"));
                let is_histogram = family.kind == "histogram";
                assert!(
                    if is_histogram {
                        ["_bucket", "_sum", "_count"].contains(&suffix)
                    } else {
                        suffix.is_empty()
                    },
                    "{line} in {current}"
                );
                family.samples.push((name, labels, value));
            }
        }
        let page = Self(families);
        page.check();
        page
    }

    fn check(&self) {
        for (name, Family { kind, samples }) in &self.0 {
            assert!(!samples.is_empty(), "{name} has no sample");
            assert!(["counter", "gauge", "histogram"].contains(&kind.as_str()), "{name} is a {kind}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
            let mut seen = BTreeSet::new();
            for (name, labels, value) in samples {
                let mut sorted = labels.clone();
                sorted.sort();
                assert!(seen.insert((name, sorted)), "{name}{labels:?} comes twice");
                assert!(kind != "counter" || 0.0 <= *value, "{name} {value}");
            }
            if kind == "histogram" {
                check_histogram(name, samples);
            }
        }
    }

    /// The value of a series; none if it is not there.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let is_it = |known: &Labels| {
            known.len() == labels.len()
                && known
                    .iter()
                    .zip(labels)
                    .all(|(known, (name, value))| known.0 == *name && known.1 == *value)
        };
        let samples = self.0.values().flat_map(|family| &family.samples);
        samples.clone().find(|(known, of, _)| known == name && is_it(of)).map(|(_, _, value)| *value)
    }

    /// The value of a series that is there, and is a whole number.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let value = self.get(name, labels).unwrap_or_else(|| panic!("no {name}{labels:?}"));
        value.to_string().parse().unwrap()
    }
}

fn check_histogram(name: &str, samples: &[(String, Labels, f64)]) {
    let buckets: Vec<_> = samples.iter().filter(|(of, ..)| of.ends_with("_bucket")).collect();
    let bounds: Vec<f64> = buckets
        .iter()
        .map(|(_, labels, _)| {
            let (label, bound) = labels.last().unwrap();
            assert_eq!(label, "le");
            // As Prometheus writes it: never `100`.
            assert!(bound == "+Inf" || bound.contains(['.', 'e']), "{name} {bound}");
            if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() }
        })
        .collect();
    assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{name} {bounds:?}");
    assert_eq!(bounds.last(), Some(&f64::INFINITY), "{name}");
    assert!(buckets.windows(2).all(|pair| pair[0].2 <= pair[1].2), "{name} is cumulative");
    let count = samples.iter().find(|(of, ..)| of.ends_with("_count")).unwrap();
    assert_eq!(buckets.last().unwrap().2.to_bits(), count.2.to_bits(), "{name}");
    assert!(samples.iter().any(|(of, ..)| of.ends_with("_sum")), "{name}");
}

fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).unwrap();
    let name = line[..end].to_owned();
    assert!(
        name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            && !name.starts_with(|letter: char| letter.is_ascii_digit()),
        "{line}"
    );
    let mut rest = &line[end..];
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").unwrap();
            let (value, after) = quoted(after);
            labels.push((label.to_owned(), value));
            rest = &after[1..];
            match after.as_bytes()[0] {
                b',' => {}
                b'}' => break,
                other => panic!("{other} in {line}"),
            }
        }
    }
    let number = rest.strip_prefix(' ').unwrap();
    let value = if number == "NaN" { f64::NAN } else { number.parse().unwrap() };
    (name, labels, value)
}

fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[at + 1..]),
            '\\' => match letters.next().unwrap().1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            '\n' => panic!("a line ends within {text}"),
            other => value.push(other),
        }
    }
    panic!("no end of {text}")
}
