//! Terms as Erlang prints them (`~tp`): RabbitMQ's refusals quote what a client sent in this form.

use leveret_codec::field::Value;

/// A value of a field table.
pub fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Str(bytes) | Value::Bytes(bytes) => binary(bytes),
        Value::Void => "undefined".to_owned(),
        Value::Timestamp(seconds) => seconds.to_string(),
        Value::Array(array) => list(array.iter().map(|item| typed(&item))),
        Value::Table(table) => list(
            table
                .iter()
                .map(|(key, value)| format!("{{{},{},{}}}", binary(key), value.type_name(), shown(&value))),
        ),
        plain => plain.to_string(),
    }
}

/// `<<"abc">>`, `<<"é"/utf8>>`, or numbers if it is no text.
pub fn binary(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "<<>>".to_owned();
    }
    let is_printable = |char: char| !char.is_control() || "\n\r\t\u{8}\u{b}\u{c}\u{1b}".contains(char);
    let as_utf8 = std::str::from_utf8(bytes).ok().filter(|text| text.chars().all(is_printable));
    if let Some(text) = as_utf8 {
        return format!("<<{}{}>>", quoted(text), if text.is_ascii() { "" } else { "/utf8" });
    }
    let as_latin1: String = bytes.iter().copied().map(char::from).collect();
    if std::str::from_utf8(bytes).is_err() && as_latin1.chars().all(is_printable) {
        return format!("<<{}>>", quoted(&as_latin1));
    }
    let numbers: Vec<_> = bytes.iter().map(u8::to_string).collect();
    format!("<<{}>>", numbers.join(","))
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            '\u{1b}' => quoted.push_str("\\e"),
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

fn typed(item: &Value<'_>) -> String {
    format!("{{{},{}}}", item.type_name(), shown(item))
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use leveret_codec::field::TableBuilder;

    use super::*;

    #[test]
    fn bytes_are_text_where_they_can_be() {
        for (bytes, expected) in [
            (&b""[..], "<<>>"),
            (b"abc", "<<\"abc\">>"),
            (b" a\"b\n\\", "<<\" a\\\"b\\n\\\\\">>"),
            ("é".as_bytes(), "<<\"é\"/utf8>>"),
            (b"\xff", "<<\"ÿ\">>"),
            (b"\x01", "<<1>>"),
            (b"a\x00\xff", "<<97,0,255>>"),
        ] {
            assert_eq!(binary(bytes), expected);
        }
    }

    #[test]
    fn values_carry_the_names_of_their_types_inside_of_others() {
        let table = TableBuilder::new().insert("a", Value::I32(1)).insert("b", Value::Void).build();
        let shown_table = shown(&Value::Table(table.as_ref()));
        assert_eq!(shown_table, "[{<<\"a\">>,signedint,1},{<<\"b\">>,void,undefined}]");
        assert_eq!(shown(&Value::Bool(true)), "true");
        assert_eq!(shown(&Value::I8(-1)), "-1");
    }
}
