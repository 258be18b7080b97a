//! Lists: which of many things are wanted, in which order, and which columns of them.
//!
//! Invariant: as long as the order is that of names, only the rows of the page are made; a page of 100,000 things costs
//! their names. Any other order needs that value of everything, or a row where it cannot be had for less. A row is
//! written when it is made, so that a long list is never there as rows.

use std::cmp::Ordering;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, Problem};
use super::query::{Page, Query};
use super::request::Object;
use super::route::Outcome;

/// One thing of a list.
pub trait Entry {
    /// The virtual host that it is in, or nothing.
    #[expect(clippy::unnecessary_literal_bound, reason = "others have one")]
    fn vhost(&self) -> &str {
        ""
    }

    /// What it is called, and filtered by.
    fn name(&self) -> &str;

    /// All that is said of it.
    fn row(&self) -> Object;

    /// One value of its row, if that can be had for less than the row.
    fn sort_key(&self, _path: &[&str]) -> Option<Value> {
        None
    }
}

/// A list that can be had page by page.
pub fn paged(query: &Query, entries: Vec<impl Entry>) -> Outcome {
    match query.page()? {
        None => whole(query, entries),
        Some(page) => one_page(query, &page, entries),
    }
}

/// A list that comes whole, whatever page is asked for.
pub fn whole(query: &Query, entries: Vec<impl Entry>) -> Outcome {
    let every = 0..entries.len();
    Ok(Answer::written_json(rows(query, entries, every).finish()))
}

/// Not a list: one thing with the columns that are wanted.
pub fn one(query: &Query, row: Object) -> Answer {
    Answer::json(&with_columns(query.columns().as_deref(), row))
}

fn one_page(query: &Query, page: &Page, mut entries: Vec<impl Entry>) -> Outcome {
    let total = entries.len();
    entries.retain(|entry| page.filter.takes(entry.name()));
    page.filter.check()?;
    let filtered = entries.len();
    let start = (page.number - 1).saturating_mul(page.size);
    if filtered <= start && page.number != 1 {
        let (number, size) = (page.number, page.size);
        let reason = format!("Page out of range, page: {number} page size: {size}, len: {filtered}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "page_out_of_range", reason));
    }
    let items = rows(query, entries, start..filtered.min(start + page.size));
    let head = json!({
        "total_count": total,
        "filtered_count": filtered,
        "item_count": items.count,
        "page": page.number,
        "page_size": page.size,
        "page_count": filtered.div_ceil(page.size),
    });
    let mut answer = head.to_string().into_bytes();
    // Instead of the brace that closes it.
    answer.pop();
    answer.extend_from_slice(b",\"items\":");
    answer.extend_from_slice(&items.finish());
    answer.push(b'}');
    Ok(Answer::written_json(answer))
}

/// Rows, written as a JSON array that is not closed yet.
struct Written<'a> {
    columns: Option<Vec<Vec<&'a str>>>,
    json: Vec<u8>,
    count: usize,
}

impl<'a> Written<'a> {
    fn new(query: &'a Query) -> Self {
        Self { columns: query.columns(), json: b"[".to_vec(), count: 0 }
    }

    fn push(&mut self, row: Object) {
        if self.count != 0 {
            self.json.push(b',');
        }
        let row = with_columns(self.columns.as_deref(), row);
        self.json.extend_from_slice(row.to_string().as_bytes());
        self.count += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        self.json.push(b']');
        self.json
    }
}

/// The rows of a part of a list that is put in order first.
fn rows(query: &Query, mut entries: Vec<impl Entry>, part: std::ops::Range<usize>) -> Written<'_> {
    let mut written = Written::new(query);
    let is_reversed = query.has("sort_reverse");
    let by = query.sort();
    let is_by_vhost = by.as_deref() != Some(&["name"]);
    let by_name = |one: &dyn Entry, other: &dyn Entry| {
        let (by_vhost, by_name) = (one.vhost().cmp(other.vhost()), one.name().cmp(other.name()));
        if is_by_vhost { by_vhost.then(by_name) } else { by_name.then(by_vhost) }
    };
    match by.filter(|path| !matches!(path[..], ["name" | "vhost"])) {
        None => {
            let wanted = in_order(&mut entries, part, is_reversed, |one, other| by_name(one, other));
            for entry in wanted {
                written.push(entry.row());
            }
        }
        Some(path) => {
            let mut keyed: Vec<Keyed<_>> =
                entries.into_iter().map(|entry| Keyed::new(entry, &path)).collect();
            // What is equal is by name, as in RabbitMQ, and not as it happens.
            let order = |one: &Keyed<_>, other: &Keyed<_>| {
                compare(&one.key, &other.key).then_with(|| by_name(&one.entry, &other.entry))
            };
            let wanted = in_order(&mut keyed, part, is_reversed, order);
            let rows = wanted.iter_mut().map(|keyed| keyed.row.take().unwrap_or_else(|| keyed.entry.row()));
            rows.for_each(|row| written.push(row));
        }
    }
    written
}

/// An entry with what it is sorted by, and its row if that had to be made for it.
struct Keyed<E> {
    key: Value,
    entry: E,
    row: Option<Object>,
}

impl<E: Entry> Keyed<E> {
    fn new(entry: E, path: &[&str]) -> Self {
        if let Some(key) = entry.sort_key(path) {
            return Self { key, entry, row: None };
        }
        let row = entry.row();
        Self { key: look_up(&row, path).cloned().unwrap_or_default(), entry, row: Some(row) }
    }
}

/// Brings a part of all into order, and only that part: the rest is before or behind it.
fn in_order<T>(
    all: &mut [T],
    part: std::ops::Range<usize>,
    is_reversed: bool,
    order: impl Fn(&T, &T) -> Ordering,
) -> &mut [T] {
    let order = |one: &T, other: &T| if is_reversed { order(other, one) } else { order(one, other) };
    let (start, len) = (part.start.min(all.len()), part.len());
    if 0 < start && start < all.len() {
        all.select_nth_unstable_by(start, order);
    }
    let Some((_, rest)) = all.split_at_mut_checked(start) else { return &mut [] };
    if 0 < len && len < rest.len() {
        rest.select_nth_unstable_by(len, order);
    }
    let len = len.min(rest.len());
    let Some((wanted, _)) = rest.split_at_mut_checked(len) else { return &mut [] };
    wanted.sort_by(order);
    wanted
}

fn look_up<'a>(row: &'a Object, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(row.get(*first)?, |value, key| value.get(key))
}

/// The order of Erlang's terms: numbers, `null` and booleans, objects, lists, text.
fn compare(one: &Value, other: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Number(_) => 0,
        Value::Null | Value::Bool(_) => 1,
        Value::Object(_) => 2,
        Value::Array(_) => 3,
        Value::String(_) => 4,
    };
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let number = |value: &serde_json::Number| value.as_f64().unwrap_or_default();
            number(one).total_cmp(&number(other))
        }
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Array(one), Value::Array(other)) => one.len().cmp(&other.len()),
        _ => rank(one).cmp(&rank(other)),
    }
}

fn with_columns(columns: Option<&[Vec<&str>]>, row: Object) -> Value {
    let Some(columns) = columns else { return Value::Object(row) };
    let mut kept = Object::new();
    for path in columns {
        keep(&row, path, &mut kept);
    }
    Value::Object(kept)
}

/// Copies what a path leads to; what it does not find on its way leaves an empty object there (RabbitMQ).
fn keep(from: &Object, path: &[&str], into: &mut Object) {
    let Some((first, rest)) = path.split_first() else { return };
    let Some(value) = from.get(*first) else { return };
    match value {
        Value::Object(inner) if !rest.is_empty() => {
            let place = into.entry(*first).or_insert_with(|| Value::Object(Object::new()));
            if let Value::Object(place) = place {
                keep(inner, rest, place);
            }
        }
        _ => {
            into.insert((*first).to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Thing<'a> {
        vhost: &'a str,
        name: String,
        size: Value,
        made: &'a Cell<usize>,
    }

    impl Entry for Thing<'_> {
        fn vhost(&self) -> &str {
            self.vhost
        }

        fn name(&self) -> &str {
            &self.name
        }

        fn row(&self) -> Object {
            self.made.set(self.made.get() + 1);
            let row = json!({"name": self.name, "size": self.size, "stats": {"in": self.size, "out": 0}});
            row.as_object().unwrap().clone()
        }
    }

    fn things<'a>(made: &'a Cell<usize>, sizes: &[Value]) -> Vec<Thing<'a>> {
        let thing = |(at, size): (usize, &Value)| {
            let vhost = if at % 2 == 0 { "b" } else { "a" };
            Thing { vhost, name: format!("q{at}"), size: size.clone(), made }
        };
        sizes.iter().enumerate().map(thing).collect()
    }

    fn ask(text: &str, sizes: &[Value]) -> (Value, usize) {
        let made = Cell::new(0);
        let answer = match paged(&Query::parse(text), things(&made, sizes)) {
            Ok(answer) => answer,
            Err(problem) => problem.answer(),
        };
        (serde_json::from_slice(&answer.body).unwrap(), made.get())
    }

    fn names(text: &str, sizes: &[Value]) -> Vec<String> {
        let (rows, _) = ask(text, sizes);
        rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_usual_order_is_by_virtual_host_and_name() {
        let sizes = [json!(3), json!(1), json!(2), json!(0)];
        assert_eq!(names("", &sizes), ["q1", "q3", "q0", "q2"]);
        assert_eq!(names("sort=", &sizes), ["q1", "q3", "q0", "q2"]);
        assert_eq!(names("sort=name", &sizes), ["q0", "q1", "q2", "q3"]);
        assert_eq!(names("sort=name&sort_reverse=true", &sizes), ["q3", "q2", "q1", "q0"]);
    }

    #[test]
    fn any_value_can_be_sorted_by_and_an_unknown_one_changes_nothing() {
        let sizes = [json!("x"), json!(null), json!(2.5), json!(2)];
        assert_eq!(names("sort=size", &sizes), ["q3", "q2", "q1", "q0"]);
        assert_eq!(names("sort=stats.in&sort_reverse=true", &sizes), ["q0", "q1", "q2", "q3"]);
        assert_eq!(names("sort=nope", &sizes).len(), 4);
    }

    #[test]
    fn only_the_rows_of_a_page_are_made_in_the_order_of_names() {
        let sizes: Vec<Value> = (0..1000).map(Value::from).collect();
        let (page, made) = ask("page=2&page_size=10", &sizes);
        assert_eq!(
            (made, page["item_count"].as_u64(), page["page_count"].as_u64()),
            (10, Some(10), Some(100))
        );
        let (page, made) = ask("page=1&name=Q99", &sizes);
        assert_eq!(
            (made, page["filtered_count"].as_u64(), page["total_count"].as_u64()),
            (11, Some(11), Some(1000))
        );
        let (_, made) = ask("page=1&sort=size", &sizes);
        assert_eq!(made, 1000);
    }

    #[test]
    fn a_page_beyond_the_end_is_refused_but_the_first_of_nothing_is_not() {
        let (page, _) = ask("page=1&name=nope", &[json!(1)]);
        assert_eq!((page["page_count"].as_u64(), page["items"].as_array().unwrap().len()), (Some(0), 0));
        let (refused, _) = ask("page=2&name=nope", &[json!(1)]);
        assert_eq!(refused["error"], "page_out_of_range");
        assert_eq!(refused["reason"], "Page out of range, page: 2 page size: 100, len: 0");
    }

    #[test]
    fn columns_are_paths() {
        let columns = |text: &str| ask(text, &[json!(7)]).0[0].clone();
        assert_eq!(columns("columns=name,stats.in"), json!({"name": "q0", "stats": {"in": 7}}));
        assert_eq!(columns("columns=stats.in,stats.out"), json!({"stats": {"in": 7, "out": 0}}));
        assert_eq!(columns("columns=stats.nope"), json!({"stats": {}}));
        assert_eq!(columns("columns=nope"), json!({}));
    }
}
