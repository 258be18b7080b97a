//! What all pictures share: text that is text, whatever is in it.

/// Text as it may stand between two tags or in an attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// Whether every tag is closed where it should be, and nothing that should be escaped is not.
#[cfg(test)]
pub fn is_well_formed(svg: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = svg;
    while let Some((text, after)) = rest.split_once('<') {
        let Some((tag, next)) = after.split_once('>') else { return false };
        let quotes = tag.matches('"').count();
        if text.contains('>') || !entities_are_known(text) || !entities_are_known(tag) || quotes % 2 != 0 {
            return false;
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        match tag.strip_prefix('/') {
            Some(closed) if open.pop() != Some(closed) => return false,
            None if !tag.ends_with('/') => open.push(name),
            Some(_) | None => {}
        }
        rest = next;
    }
    open.is_empty() && rest.trim().is_empty()
}

#[cfg(test)]
fn entities_are_known(text: &str) -> bool {
    let known = ["amp;", "lt;", "gt;", "quot;"];
    text.split('&').skip(1).all(|after| known.iter().any(|entity| after.starts_with(entity)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_xml_is_escaped() {
        assert_eq!(escape("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
    }

    #[test]
    fn what_is_not_well_formed_is_found() {
        for good in ["<svg><a b=\"c\"/>d &amp; e</svg>\n", "<svg></svg>"] {
            assert!(is_well_formed(good), "{good}");
        }
        for bad in
            ["<svg>", "<svg><a></svg></a>", "<svg>a & b</svg>", "<svg a=\"b></svg>", "<svg>a > b</svg>"]
        {
            assert!(!is_well_formed(bad), "{bad}");
        }
    }
}
