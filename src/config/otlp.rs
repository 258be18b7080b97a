//! The options for the spans of traced messages; the variables are OpenTelemetry's.

use leveret::OtlpEndpoint;

use super::options::{Flag, Setting, named, one, put};

/// See [`super::options::settings`].
pub const OTLP_SETTINGS: &[Setting] = &[
    Setting {
        flag: Some(Flag::Value { name: "otlp", value: "URL" }),
        environment: &["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "LEVERET_OTLP"],
        keys: &[],
        default: "none",
        help: "An OpenTelemetry collector (OTLP over HTTP, port 4318) that is told how long messages stay whose publishers record their traces (header `traceparent`)",
        set: |plan, given| {
            let is_whole = given.last().is_some_and(|given| given.name.ends_with("_TRACES_ENDPOINT"));
            one(given, |text| {
                let endpoint = if is_whole { OtlpEndpoint::of_traces(text) } else { text.parse() };
                put(&mut plan.settings.otlp, endpoint.map(Some).map_err(|error| error.to_string()))
            })
        },
    },
    Setting {
        flag: None,
        environment: &["OTEL_SERVICE_NAME"],
        keys: &[],
        default: "leveret",
        help: "What the broker is called there (`service.name`)",
        set: |plan, given| one(given, |text| put(&mut plan.settings.otlp_service, named(text))),
    },
];
