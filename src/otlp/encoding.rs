//! A batch of spans as OTLP's JSON: names in hexadecimal, 64-bit numbers as text.

use leveret_core::Timestamp;
use serde_json::{Value, json};

use super::exporter::Source;
use super::span::{Attribute, Span};

/// The body of a request to `/v1/traces`.
pub fn body(source: &Source, spans: &[Span]) -> Vec<u8> {
    let resource: Vec<Value> = [
        ("service.name", &source.service),
        ("service.version", &source.version),
        ("service.instance.id", &source.instance),
    ]
    .map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } }))
    .into();
    let spans: Vec<Value> = spans.iter().map(encoded).collect();
    let request = json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{
            "scope": { "name": "leveret", "version": source.version },
            "spans": spans,
        }],
    }] });
    request.to_string().into_bytes()
}

fn encoded(span: &Span) -> Value {
    let attributes: Vec<Value> = span.attributes.iter().map(|(key, value)| attribute(key, value)).collect();
    let mut encoded = json!({
        "traceId": span.trace.to_string(),
        "spanId": span.id.to_string(),
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": nanos(span.start),
        "endTimeUnixNano": nanos(span.end),
        "attributes": attributes,
    });
    if let (Some(parent), Some(object)) = (span.parent, encoded.as_object_mut()) {
        object.insert("parentSpanId".to_owned(), parent.to_string().into());
    }
    encoded
}

/// Since 1970.
fn nanos(moment: Timestamp) -> String {
    (u128::from(moment.as_micros()) * 1000).to_string()
}

fn attribute(key: &str, value: &Attribute) -> Value {
    let value = match value {
        Attribute::Text(text) => json!({ "stringValue": text }),
        Attribute::Integer(number) => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": key, "value": value })
}

#[cfg(test)]
mod tests {
    use super::super::span::{Kind, Name};
    use super::*;

    #[test]
    fn a_batch_is_written_as_collectors_read_it() {
        let source = Source { service: "shop".into(), version: "1.2".into(), instance: "here".into() };
        let span = Span {
            trace: Name([0xab; 16]),
            id: Name([1; 8]),
            parent: Some(Name([2; 8])),
            name: "publish orders".into(),
            kind: Kind::Internal,
            start: Timestamp::from_micros(u64::MAX - 1),
            end: Timestamp::from_micros(u64::MAX),
            attributes: vec![("size", Attribute::Integer(-5)), ("key", Attribute::Text("a\"b".into()))],
        };
        let root = Span { parent: None, attributes: Vec::new(), ..span.clone() };
        let read: Value = serde_json::from_slice(&body(&source, &[span, root])).unwrap();
        let group = &read["resourceSpans"][0];
        assert_eq!(
            group["resource"]["attributes"][0],
            json!({ "key": "service.name", "value": { "stringValue": "shop" } })
        );
        let spans = &group["scopeSpans"][0]["spans"];
        assert_eq!(
            spans[0],
            json!({
                "traceId": "abababababababababababababababab",
                "spanId": "0101010101010101",
                "parentSpanId": "0202020202020202",
                "name": "publish orders",
                "kind": 1,
                "startTimeUnixNano": "18446744073709551614000",
                "endTimeUnixNano": "18446744073709551615000",
                "attributes": [
                    { "key": "size", "value": { "intValue": "-5" } },
                    { "key": "key", "value": { "stringValue": "a\"b" } },
                ],
            })
        );
        assert!(spans[1].get("parentSpanId").is_none(), "a root has no parent: {}", spans[1]);
    }
}
