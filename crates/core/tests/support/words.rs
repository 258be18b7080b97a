//! Words of a transcript: separated by spaces, kept whole by quotes and brackets.

/// The words of a line, as they stand there.
pub fn words(line: &str) -> Vec<&str> {
    split(line, ' ').into_iter().filter(|word| !word.is_empty()).collect()
}

/// Splits outside of quotes, brackets and braces.
pub fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quoted, mut escaped) = (Vec::new(), 0, 0, false, false);
    for (at, char) in text.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            _ if char == separator && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + char.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// `key=value`; a word that begins with a quote or bracket is none.
pub fn named(word: &str) -> Option<(&str, &str)> {
    let at = word.find(['=', '\'', '[', '{'])?;
    word[at..].starts_with('=').then(|| (&word[..at], &word[at + 1..]))
}

/// The bytes that a word stands for: without its quotes, escapes (`\n \r \0 \xFF \' \\`) replaced.
pub fn bytes(word: &str) -> Vec<u8> {
    let inner = word.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(word);
    let (mut bytes, mut rest) = (Vec::new(), inner.as_bytes());
    while let [first, after @ ..] = rest {
        (bytes, rest) = match (first, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                (with(bytes, u8::from_str_radix(digits, 16).unwrap()), after)
            }
            (b'\\', [b'n', after @ ..]) => (with(bytes, b'\n'), after),
            (b'\\', [b'r', after @ ..]) => (with(bytes, b'\r'), after),
            (b'\\', [b'0', after @ ..]) => (with(bytes, 0), after),
            (b'\\', [literal, after @ ..]) => (with(bytes, *literal), after),
            (plain, after) => (with(bytes, *plain), after),
        };
    }
    bytes
}

fn with(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}

/// A word that stands for these bytes.
pub fn shown(bytes: &[u8]) -> String {
    let bare = |byte: &u8| byte.is_ascii_graphic() && !b"'\\=,;:[]{}".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(bare) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    quoted(bytes)
}

/// The same, in quotes whatever it is.
pub fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("'");
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\0' => text.push_str("\\0"),
                '\'' => text.push_str("\\'"),
                '\\' => text.push_str("\\\\"),
                _ => text.push(char),
            }
        }
        for byte in chunk.invalid() {
            text.extend(["\\x", &format!("{byte:02X}")]);
        }
    }
    text.push('\'');
    text
}

/// A body: a word, or `x*1000` for a thousand of the same.
pub fn body(word: &str) -> Vec<u8> {
    match word.split_once('*').map(|(byte, count)| (byte.as_bytes(), count.parse())) {
        Some(([byte], Ok(count))) => vec![*byte; count],
        _ => bytes(word),
    }
}

/// The word for a body.
pub fn shown_body(body: &[u8]) -> String {
    match body {
        [first, rest @ ..] if 40 < rest.len() && rest.iter().all(|byte| byte == first) => {
            format!("{}*{}", char::from(*first), body.len())
        }
        _ => shown(body),
    }
}
