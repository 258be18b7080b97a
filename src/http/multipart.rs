//! Forms with files in them (`multipart/form-data`, RFC 7578), as browsers and `curl -F` send them.
//!
//! Only what definitions need: parts by name, with their bytes. What is no part is left out. A form whose boundary is
//! longer than any that is allowed is none, so that looking for it takes no longer than the body is long.

/// The longest boundary (RFC 2046).
const LONGEST_BOUNDARY: usize = 70;

/// One part of a form.
#[derive(Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The field.
    pub name: String,
    /// What is in it.
    pub content: &'a [u8],
}

/// What stands between the parts, if a content type is that of a form.
pub fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parameter(parameters, "boundary").filter(|boundary| boundary.len() <= LONGEST_BOUNDARY)
}

/// A parameter of a header: `name=x` or `name="x"`.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    let pairs = parameters.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut own = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    own.next().map(|(_, value)| value.trim().trim_matches('"').to_owned())
}

/// The parts of a body.
pub fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<Part<'a>> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut rest = after(body, delimiter.as_bytes());
    while let Some(from) = rest {
        let Some(end) = find(from, format!("\r\n{delimiter}").as_bytes()) else { break };
        let (part, next) = from.split_at(end);
        parts.extend(read(part));
        rest = after(next, delimiter.as_bytes());
    }
    parts
}

/// A part behind the end of its delimiter's line.
fn read(part: &[u8]) -> Option<Part<'_>> {
    let part = part.strip_prefix(b"\r\n")?;
    let end = find(part, b"\r\n\r\n")?;
    let (head, content) = part.split_at_checked(end)?;
    let head = std::str::from_utf8(head).ok()?;
    let (_, disposition) = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-disposition"))?;
    Some(Part { name: parameter(disposition, "name")?, content: content.get(4..)? })
}

fn after<'a>(bytes: &'a [u8], what: &[u8]) -> Option<&'a [u8]> {
    bytes.get(find(bytes, what)? + what.len()..)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_by_their_names() {
        let body = b"--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"d.json\"\r\n\
                     Content-Type: application/json\r\n\r\n{\"a\":\r\n1}\r\n--X\r\n\
                     content-disposition: form-data; name=redirect\r\n\r\n../#/\r\n--X--\r\n";
        let found = parts(body, "X");
        let expected = [
            Part { name: "file".to_owned(), content: b"{\"a\":\r\n1}" },
            Part { name: "redirect".to_owned(), content: b"../#/" },
        ];
        assert_eq!(found, expected);
        for end in 0..body.len() - 10 {
            assert!(parts(&body[..end], "X").len() < 2);
        }
    }

    #[test]
    fn a_boundary_is_that_of_a_form() {
        assert_eq!(boundary("multipart/form-data; charset=x; boundary=\"a b\"").as_deref(), Some("a b"));
        assert_eq!(boundary("Multipart/Form-Data;boundary=X").as_deref(), Some("X"));
        assert_eq!(boundary("application/json; boundary=X"), None);
        assert_eq!(boundary("multipart/form-data"), None);
        let of_length = |length| boundary(&format!("multipart/form-data; boundary={}", "X".repeat(length)));
        assert!(of_length(LONGEST_BOUNDARY).is_some() && of_length(LONGEST_BOUNDARY + 1).is_none());
    }
}
