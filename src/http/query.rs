//! What follows the question mark: which part of a list, in which order, with which columns and samples.

use hyper::StatusCode;
use percent_encoding::percent_decode_str;

use super::answer::Problem;
use super::pattern::{Case, Pattern, PatternError};
use crate::rates::Range;

/// Rows of a page that does not say.
const PAGE_SIZE: usize = 100;
/// Most rows of a page.
const LARGEST_PAGE_SIZE: i64 = 500;
/// Most samples of a range.
const MOST_SAMPLES: i64 = 500;

/// The parameters of a request.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// From what stands behind the question mark.
    pub fn parse(text: &str) -> Self {
        let decode = |part: &str| {
            let spaced = part.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self(pairs.collect())
    }

    /// A parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that may be said more than once.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter is `true`.
    pub fn has(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// The columns that are wanted, as paths; `None` is all.
    pub fn columns(&self) -> Option<Vec<Vec<&str>>> {
        let text = self.get("columns").filter(|text| !text.is_empty())?;
        Some(text.split(',').map(|column| column.split('.').collect()).collect())
    }

    /// What to sort by, as a path; `None` is the usual order.
    pub fn sort(&self) -> Option<Vec<&str>> {
        let text = self.get("sort").filter(|text| !text.is_empty())?;
        Some(text.split('.').collect())
    }

    /// The page that is wanted; `None` is everything.
    pub fn page(&self) -> Result<Option<Page>, Problem> {
        let Some(page) = self.get("page") else { return Ok(None) };
        let no_number = || Problem::bad_request("Pagination parameters are invalid");
        let number: i64 = page.parse().map_err(|_| no_number())?;
        let size: Option<i64> = self.get("page_size").map(str::parse).transpose().map_err(|_| no_number())?;
        let is_valid = 1 <= number && size.is_none_or(|size| (1..=LARGEST_PAGE_SIZE).contains(&size));
        let (Ok(at), true) = (usize::try_from(number), is_valid) else {
            let size = size.map_or_else(|| "undefined".to_owned(), |size| size.to_string());
            let reason = format!("Invalid pagination parameters: page number {number}, page size {size}");
            return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid_pagination_parameters", reason));
        };
        let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(PAGE_SIZE);
        Ok(Some(Page { number: at, size, filter: self.filter()? }))
    }

    fn filter(&self) -> Result<Filter, Problem> {
        Ok(match self.get("name") {
            None | Some("") => Filter::All,
            Some(pattern) if self.has("use_regex") => match Pattern::new(pattern, Case::DoesNot) {
                Ok(pattern) => Filter::Pattern(Box::new(pattern)),
                Err(PatternError::Nonsense(_)) => Filter::Nothing,
                Err(PatternError::Refused(reason)) => return Err(Problem::bad_request(reason)),
            },
            Some(part) => Filter::Part(part.to_lowercase()),
        })
    }

    /// The ranges of samples that are wanted.
    pub fn samples(&self) -> Result<Samples, Problem> {
        Ok(Samples {
            lengths: self.range("lengths")?,
            msg_rates: self.range("msg_rates")?,
            data_rates: self.range("data_rates")?,
            node_stats: self.range("node_stats")?,
        })
    }

    fn range(&self, name: &str) -> Result<Option<Range>, Problem> {
        let number = |part: &str| self.get(&format!("{name}_{part}"))?.parse::<i64>().ok();
        let (Some(age), Some(increment)) = (number("age"), number("incr")) else { return Ok(None) };
        let is_valid = 0 < age && 0 < increment && age / increment <= MOST_SAMPLES;
        match (u64::try_from(age), u64::try_from(increment)) {
            (Ok(age_secs), Ok(increment_secs)) if is_valid => Ok(Some(Range { age_secs, increment_secs })),
            _ => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid_range_parameters",
                format!("Invalid range parameters: age {age}, incr {increment}"),
            )),
        }
    }
}

/// One page of a list.
#[derive(Debug)]
pub struct Page {
    /// From one on.
    pub number: usize,
    pub size: usize,
    /// Which names the list is of.
    pub filter: Filter,
}

/// Which names are wanted.
#[derive(Debug)]
pub enum Filter {
    All,
    /// A pattern that does not compile is in no name (RabbitMQ 4.3).
    Nothing,
    /// Those with this in them, in small letters.
    Part(String),
    Pattern(Box<Pattern>),
}

impl Filter {
    /// Whether a name is wanted.
    pub fn takes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Part(part) => name.to_lowercase().contains(part),
            Self::Pattern(pattern) => pattern.is_in(name),
        }
    }

    /// Refuses what was found when finding took too long.
    pub fn check(&self) -> Result<(), Problem> {
        match self {
            Self::Pattern(pattern) if pattern.has_given_up() => {
                Err(Problem::bad_request("the pattern takes too long"))
            }
            _ => Ok(()),
        }
    }
}

/// The samples that are wanted, by what they are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// Depths of queues.
    pub lengths: Option<Range>,
    /// Messages a second.
    pub msg_rates: Option<Range>,
    /// Bytes a second.
    pub data_rates: Option<Range>,
    /// Of the node.
    pub node_stats: Option<Range>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(problem: &Problem) -> String {
        String::from_utf8(problem.answer().body.to_vec()).unwrap()
    }

    #[test]
    fn escapes_and_plus_signs_are_undone() {
        let query = Query::parse("name=a%2Bb+c&columns=x,y.z&sort=&flag&&disable_stats=true");
        assert_eq!(query.get("name"), Some("a+b c"));
        assert_eq!(query.columns().unwrap(), [vec!["x"], vec!["y", "z"]]);
        assert_eq!((query.sort(), query.get("flag")), (None, Some("")));
        assert!(query.has("disable_stats") && !query.has("name"));
    }

    #[test]
    fn pages_are_refused_in_rabbitmqs_words() {
        let refused = |text: &str| said(&Query::parse(text).page().unwrap_err());
        let invalid = |page: i64, size: &str| {
            format!(
                r#"{{"error":"invalid_pagination_parameters","reason":"Invalid pagination parameters: page number {page}, page size {size}"}}"#
            )
        };
        assert_eq!(refused("page=0"), invalid(0, "undefined"));
        assert_eq!(refused("page=-1"), invalid(-1, "undefined"));
        assert_eq!(refused("page=1&page_size=501"), invalid(1, "501"));
        assert_eq!(refused("page=1&page_size=0"), invalid(1, "0"));
        let no_number = r#"{"error":"bad_request","reason":"Pagination parameters are invalid"}"#;
        for text in ["page=x", "page=", "page=1&page_size=x"] {
            assert_eq!(refused(text), no_number);
        }
        assert!(Query::parse("page_size=2&name=x").page().unwrap().is_none());
    }

    #[test]
    fn names_are_filtered_by_a_part_or_a_pattern_whatever_their_case() {
        let takes = |text: &str, name: &str| Query::parse(text).page().unwrap().unwrap().filter.takes(name);
        assert!(takes("page=1&name=ORD", "my.orders"));
        assert!(!takes("page=1&name=o.d", "my.orders"));
        assert!(takes("page=1&name=^MY.*s$&use_regex=true", "my.orders"));
        assert!(!takes("page=1&name=(&use_regex=true", "("));
        assert!(takes("page=1&name=(&use_regex=maybe", "a(b"));
        let refused = Query::parse("page=1&name=(a)%5C1&use_regex=true").page().unwrap_err();
        assert_eq!(
            said(&refused),
            r#"{"error":"bad_request","reason":"patterns with back references are not served"}"#
        );
    }

    #[test]
    fn ranges_of_samples_are_numbers_that_make_sense_or_none() {
        let samples = |text: &str| Query::parse(text).samples();
        let range = Range { age_secs: 60, increment_secs: 5 };
        assert_eq!(samples("lengths_age=60&lengths_incr=5").unwrap().lengths, Some(range));
        assert_eq!(samples("lengths_age=60&lengths_incr=x").unwrap(), Samples::default());
        assert_eq!(samples("lengths_age=60").unwrap(), Samples::default());
        let refused = said(&samples("msg_rates_age=6000&msg_rates_incr=1").unwrap_err());
        assert_eq!(
            refused,
            r#"{"error":"invalid_range_parameters","reason":"Invalid range parameters: age 6000, incr 1"}"#
        );
        assert!(samples("data_rates_age=0&data_rates_incr=1").is_err());
    }
}
