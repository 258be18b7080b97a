//! What pages of other origins may do, as `management.cors.*` says it.
//!
//! A browser is told of an origin that is allowed and of nothing else; without any, nothing is ever said.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, HeaderName,
    HeaderValue, ORIGIN,
};
use hyper::{HeaderMap, Method};

use super::settings::HttpSettings;

/// The headers to add to an answer. `allow` are the methods of its path.
pub fn headers(
    settings: &HttpSettings,
    method: &Method,
    request: &HeaderMap,
    allow: &str,
) -> Vec<(HeaderName, HeaderValue)> {
    let Some(origin) = request.get(ORIGIN).filter(|origin| is_allowed(settings, origin)) else {
        return Vec::new();
    };
    let mut headers = vec![
        (ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()),
        (ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")),
    ];
    if *method != Method::OPTIONS {
        return headers;
    }
    if let Ok(methods) = HeaderValue::from_str(allow) {
        headers.push((ACCESS_CONTROL_ALLOW_METHODS, methods));
    }
    if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.push((ACCESS_CONTROL_ALLOW_HEADERS, asked.clone()));
    }
    if let Some(secs) = settings.cors_max_age_secs {
        headers.push((ACCESS_CONTROL_MAX_AGE, secs.into()));
    }
    headers
}

fn is_allowed(settings: &HttpSettings, origin: &HeaderValue) -> bool {
    let origin = origin.as_bytes();
    settings.cors_origins.iter().any(|allowed| allowed == "*" || allowed.as_bytes() == origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(origins: &[&str], method: &Method) -> Vec<String> {
        let settings = HttpSettings {
            cors_origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
            ..HttpSettings::default()
        };
        let mut request = HeaderMap::new();
        request.insert(ORIGIN, HeaderValue::from_static("https://ui.example"));
        request.insert(ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static("authorization"));
        let headers = headers(&settings, method, &request, "GET, OPTIONS");
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn an_origin_that_is_not_allowed_is_told_nothing() {
        assert_eq!(told(&[], &Method::GET).len(), 0);
        assert_eq!(told(&["https://other.example"], &Method::OPTIONS).len(), 0);
    }

    #[test]
    fn one_that_is_allowed_is_told_what_it_may() {
        let origin = "access-control-allow-origin: https://ui.example";
        let credentials = "access-control-allow-credentials: true";
        assert_eq!(told(&["*"], &Method::GET), [origin, credentials]);
        assert_eq!(
            told(&["https://ui.example"], &Method::OPTIONS),
            [
                origin,
                credentials,
                "access-control-allow-methods: GET, OPTIONS",
                "access-control-allow-headers: authorization",
                "access-control-max-age: 1800",
            ]
        );
    }
}
