//! Messages as rows of one answer, written as they come: what an answer costs is what it is long.
//!
//! Invariant: an answer that is full has at most one row more than fits.

use serde_json::Value;

use crate::http::answer::Answer;
use crate::http::request::Object;

/// An answer of so many bytes is full.
pub const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// How an answer begins that has more than rows: they are not copied into it at the end.
const OPENING: &[u8] = br#"{"messages":["#;

/// Rows that have been written.
pub struct Rows {
    json: Vec<u8>,
    count: usize,
}

impl Rows {
    /// None yet.
    pub fn new() -> Self {
        Self { json: OPENING.to_vec(), count: 0 }
    }

    /// One more.
    pub fn put(&mut self, row: Object) {
        if self.count != 0 {
            self.json.push(b',');
        }
        self.count += 1;
        self.json.extend_from_slice(Value::Object(row).to_string().as_bytes());
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How long they are.
    pub fn bytes(&self) -> usize {
        self.json.len()
    }

    /// The answer that has nothing else.
    pub fn answer(mut self) -> Answer {
        self.json.drain(..OPENING.len() - 1);
        self.json.push(b']');
        Answer::written_json(self.json)
    }

    /// The answer that has them as `messages`, and this.
    pub fn answer_with(mut self, rest: Object) -> Answer {
        self.json.push(b']');
        for (name, value) in rest {
            self.json.extend_from_slice(format!(",{}:{value}", Value::String(name)).as_bytes());
        }
        self.json.push(b'}');
        Answer::written_json(self.json)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::queues::object;

    fn rows(count: usize) -> Rows {
        let mut rows = Rows::new();
        (0..count).for_each(|number| rows.put(object(json!({"n": number, "text": "\"x\u{1}"}))));
        rows
    }

    #[test]
    fn rows_are_a_list_however_many_there_are() {
        for count in 0..3 {
            let list: Vec<Value> = (0..count).map(|n| json!({"n": n, "text": "\"x\u{1}"})).collect();
            let written = rows(count).answer().body;
            assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), json!(list));
            let written = rows(count).answer_with(object(json!({"next": null, "\"": 5}))).body;
            let expected = json!({"messages": list, "next": null, "\"": 5});
            assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), expected);
            assert_eq!(rows(count).count(), count);
        }
    }

    #[test]
    fn what_is_written_counts_as_it_is_written() {
        let mut rows = Rows::new();
        rows.put(object(json!({"headers": {"a": "\u{1}".repeat(100)}})));
        assert!(600 < rows.bytes(), "each of them is written in six letters");
    }
}
