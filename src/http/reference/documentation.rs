//! The tables of docs/http-api.md, printed from the table of endpoints.
//!
//! The page is in the repository, so that it can be read there; what stands before the mark is written by hand. A test
//! fails when the rest is not what the table says, and writes it anew when it is run with `UPDATE_DOCS=1`.

use std::fmt::Write as _;
use std::path::Path;

use super::{families, who};
use crate::http::route::Row;

const MARK: &str = "<!-- From here on printed from the table in src/http by `UPDATE_DOCS=1 cargo test -p leveret --lib documentation`. -->\n";

const HEAD: &str = "
## Endpoints

What each takes and tells, key by key, is in `/api/openapi.json`.
";

fn endpoints() -> String {
    let mut page = [MARK, HEAD].concat();
    for (heading, rows) in families() {
        write!(page, "\n### {heading}\n\n| method | path | who | |\n|---|---|---|---|\n").unwrap();
        for row in rows {
            writeln!(page, "{}", line(row)).unwrap();
        }
    }
    page
}

fn line(row: &Row) -> String {
    let asks: Vec<String> = row.contract.asks.iter().map(|name| format!("`{name}`")).collect();
    let asks = if asks.is_empty() { String::new() } else { format!(" Takes {}.", asks.join(", ")) };
    let (verb, path, who) = (row.verb.name(), row.path, who(row.access));
    format!("| {verb} | `{path}` | {who} | {}{asks} |", row.summary)
}

#[test]
fn the_page_has_the_endpoints_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/http-api.md");
    let committed = std::fs::read_to_string(&path).unwrap();
    let by_hand = committed.split(MARK).next().unwrap();
    let page = [by_hand, &endpoints()].concat();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    } else {
        assert!(committed == page, "docs/http-api.md is out of date: run this test with UPDATE_DOCS=1");
    }
}
