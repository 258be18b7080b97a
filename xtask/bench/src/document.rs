//! docs/performance.md: what is generated is written anew, what people wrote stays.
//!
//! Invariant: nothing outside the marks changes, whatever is between them. A section that the page does not have is
//! an error, because its figures would be lost in silence.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::Outcome;

/// The page, where there is none yet.
const TEMPLATE: &str = include_str!("performance.md");

const END: &str = "<!-- /generated -->";

/// A name and its text.
pub type Section<'a> = (&'a str, String);

/// Writes the sections into the page at `path`.
pub fn update(path: &Path, sections: &[Section<'_>]) -> Outcome<()> {
    let page = match fs::read_to_string(path) {
        Ok(page) => page,
        Err(error) if error.kind() == ErrorKind::NotFound => TEMPLATE.to_owned(),
        Err(error) => return Err(format!("{}: {error}", path.display()).into()),
    };
    Ok(fs::write(path, filled(&page, sections)?)?)
}

fn filled(page: &str, sections: &[Section<'_>]) -> Outcome<String> {
    let mut page = page.to_owned();
    for (name, text) in sections {
        let mark = format!("<!-- generated: {name} -->");
        let missing = || format!("the page has no `{mark}` with a `{END}`");
        let (before, rest) = page.split_once(&mark).ok_or_else(missing)?;
        let (_, after) = rest.split_once(END).ok_or_else(missing)?;
        page = format!("{before}{mark}\n{}\n{END}{after}", text.trim_end());
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(text: &str) -> [Section<'static>; 1] {
        [("targets", text.to_owned())]
    }

    #[test]
    fn what_people_wrote_stays() {
        let page = "# A\nmine\n<!-- generated: targets -->\nold\n<!-- /generated -->\n## B\nmine too\n";
        let once = filled(page, &sections("| new |\n")).unwrap();
        assert_eq!(
            once,
            "# A\nmine\n<!-- generated: targets -->\n| new |\n<!-- /generated -->\n## B\nmine too\n"
        );
        assert_eq!(filled(&once, &sections("| new |\n")).unwrap(), once);
    }

    #[test]
    fn a_section_without_its_place_is_an_error() {
        for page in ["", "<!-- generated: figures -->\n<!-- /generated -->", "<!-- generated: targets -->\n"]
        {
            assert!(filled(page, &sections("a")).is_err(), "{page}");
        }
    }

    #[test]
    fn the_first_page_has_a_place_for_everything() {
        let all = ["conditions", "targets", "figures"].map(|name| (name, format!("text of {name}")));
        let page = filled(TEMPLATE, &all).unwrap();
        for (_, text) in &all {
            assert!(page.contains(text.as_str()), "{text}");
        }
        assert!(page.contains("\n## Where the time goes\n") && page.contains("\n## Beyond two cores\n"));
    }
}
