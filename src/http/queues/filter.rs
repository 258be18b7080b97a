//! Which of the messages that wait are meant.

use std::time::Duration;

use serde_json::{Value, json};

use super::waiting::Seen;
use crate::definitions::table;
use crate::http::answer::Problem;
use crate::http::body::Fields;
use crate::http::query::Query;
use crate::http::request::{Object, Request};

/// What messages must be like; nothing is every message.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A header, and what it says.
    headers: Vec<(String, String)>,
    /// `*` stands for any letters, `?` for one.
    routing_key: Option<String>,
    older_than: Option<Duration>,
    /// How long the broker has been there: what nobody knows the age of is older.
    uptime: Duration,
}

impl Filter {
    /// Of a query: `header=name:value`, `routing_key`, `older_than` in seconds.
    pub fn of_query(request: &Request) -> Result<Self, Problem> {
        let query: &Query = &request.query;
        let header = query.get("header").map(|text| {
            let pair = text.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
            pair.ok_or_else(|| Problem::bad_request("a header is given as name:value"))
        });
        let older_than = query.get("older_than").map(|text| {
            text.parse()
                .map(Duration::from_secs)
                .map_err(|_| Problem::bad_request(json!(["not_integer", text])))
        });
        Ok(Self {
            headers: header.transpose()?.into_iter().collect(),
            routing_key: query.get("routing_key").map(str::to_owned),
            older_than: older_than.transpose()?,
            uptime: uptime(request),
        })
    }

    /// Of a body: `{"header": {name: value}, "routing_key", "older_than_secs"}`.
    pub fn of_body(request: &Request, filter: Option<&Value>) -> Result<Self, Problem> {
        let object = match filter {
            None | Some(Value::Null) => Object::new(),
            Some(Value::Object(object)) => object.clone(),
            Some(other) => return Err(Problem::bad_request(json!(["not_an_object", "filter", other]))),
        };
        // A word that is not understood must not make the filter wider.
        let known = ["header", "routing_key", "older_than_secs"];
        if let Some(unknown) = object.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(Problem::bad_request(json!(["unknown_filter", unknown])));
        }
        let fields = Fields::new(object);
        let headers = match fields.said("header") {
            None => Vec::new(),
            Some(Value::Object(headers)) => {
                headers.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
            }
            Some(other) => return Err(Problem::bad_request(json!(["not_an_object", "header", other]))),
        };
        let older_than = fields.integer("older_than_secs")?;
        Ok(Self {
            headers,
            routing_key: fields.text("routing_key")?.map(str::to_owned),
            older_than: older_than.map(|secs| Duration::from_secs(u64::try_from(secs).unwrap_or_default())),
            uptime: uptime(request),
        })
    }

    /// Whether every message is meant.
    pub fn is_everything(&self) -> bool {
        self.headers.is_empty() && self.routing_key.is_none() && self.older_than.is_none()
    }

    /// Whether a message is meant.
    pub fn takes(&self, seen: &Seen) -> bool {
        let message = &seen.entry.message;
        let is_old = self.older_than.is_none_or(|least| least <= seen.age.unwrap_or(self.uptime));
        let has_key = self.routing_key.as_ref().is_none_or(|glob| {
            let (glob, key): (Vec<char>, Vec<char>) =
                (glob.chars().collect(), String::from_utf8_lossy(message.routing_key()).chars().collect());
            fits(&glob, &key)
        });
        is_old && has_key && (self.headers.is_empty() || self.has_headers(seen))
    }

    fn has_headers(&self, seen: &Seen) -> bool {
        let headers = seen.entry.message.properties().headers().map(table::to_json).unwrap_or_default();
        self.headers.iter().all(|(name, value)| headers.get(name).is_some_and(|own| plain(own) == *value))
    }
}

fn uptime(request: &Request) -> Duration {
    request.api.shared.clock.now().duration_since(request.api.started)
}

/// A value as text: what is text already without its quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a text is as a pattern says: at worst every letter is looked at once for each of the pattern.
fn fits(glob: &[char], text: &[char]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match glob.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(letter) if *letter == '?' || Some(letter) == text.get(seen) => {
                at += 1;
                seen += 1;
            }
            _ => {
                // The last star takes one letter more.
                let Some((star_at, star_seen)) = &mut star else { return false };
                *star_seen += 1;
                (at, seen) = (*star_at + 1, *star_seen);
            }
        }
    }
    glob.get(at..).unwrap_or_default().iter().all(|letter| *letter == '*')
}

#[cfg(test)]
impl Filter {
    /// Of keys alone.
    pub fn of_key(glob: &str) -> Self {
        Self { routing_key: Some(glob.to_owned()), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything_and_question_marks_for_one_letter() {
        let fits = |glob: &str, text: &str| {
            fits(&glob.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
        };
        for (glob, text) in [
            ("a.b", "a.b"),
            ("a.*", "a.b.c"),
            ("*", ""),
            ("*.c", "a.b.c"),
            ("a*b*c", "axxbyyc"),
            ("?.b", "ä.b"),
        ] {
            assert!(fits(glob, text), "{glob} {text}");
        }
        for (glob, text) in [("a.b", "a.bc"), ("a.?", "a."), ("", "a"), ("*.c", "a.b"), ("a*b*c", "axxc")] {
            assert!(!fits(glob, text), "{glob} {text}");
        }
    }
}
