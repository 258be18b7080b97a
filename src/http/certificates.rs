//! Whether the certificates of listeners will be good for some time.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use x509_parser::pem::Pem;

use super::answer::{Answer, Problem};
use super::api::Listener;
use super::health::failed;
use super::request::{Object, Request};
use super::route::Outcome;

const DAY_SECS: u64 = 24 * 60 * 60;

/// 503 names the listeners whose certificates, or those of their authorities, end before that.
pub fn expiration(request: &Request) -> Outcome {
    let within = within(request.value("within"), request.value("unit"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let until = i64::try_from((now + within).as_secs()).unwrap_or(i64::MAX);
    let expired: Vec<Value> = request
        .api
        .listeners
        .iter()
        .filter_map(|listener| ending(request.api.node(), listener, until))
        .collect();
    if expired.is_empty() {
        return Ok(Answer::json(&json!({"status": "ok"})));
    }
    failed("Certificates expiring", Object::from_iter([("expired".to_owned(), expired.into())]))
}

fn within(number: &str, unit: &str) -> Result<Duration, Problem> {
    let days = match unit {
        "days" => 1,
        "weeks" => 7,
        "months" => 30,
        "years" => 365,
        _ => {
            return Err(Problem::bad_request(
                "Time unit not recognised. Supported units: days, weeks, months, years.",
            ));
        }
    };
    let number: u32 = number.parse().map_err(|_| Problem::bad_request("Invalid expiration value."))?;
    Ok(Duration::from_secs(u64::from(number) * days * DAY_SECS))
}

fn ending(node: &str, listener: &Listener, until: i64) -> Option<Value> {
    let settings = listener.tls.as_ref()?.settings();
    let ends = |path: Option<&Path>| -> Vec<String> {
        path.map(|path| ends_before(path, until)).unwrap_or_default()
    };
    let (own, authorities) = (ends(settings.certfile.as_deref()), ends(settings.cacertfile.as_deref()));
    if own.is_empty() && authorities.is_empty() {
        return None;
    }
    let text = |path: Option<&Path>| path.map(|path| path.display().to_string()).unwrap_or_default();
    Some(json!({
        "node": node,
        "protocol": listener.protocol,
        "interface": listener.address.ip().to_string(),
        "port": listener.address.port(),
        "certfile": text(settings.certfile.as_deref()),
        "certfile_expires_on": own,
        "cacertfile": text(settings.cacertfile.as_deref()),
        "cacertfile_expires_on": authorities,
    }))
}

/// When the certificates of a file end, of those that end too soon. A file that cannot be read any more says so.
fn ends_before(path: &Path, until: i64) -> Vec<String> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) => return vec![format!("cannot be read: {error}")],
    };
    let certificates = Pem::iter_from_buffer(&text).flatten();
    let ends = certificates.filter_map(|pem| {
        let end = pem.parse_x509().ok()?.validity().not_after;
        (end.timestamp() < until).then(|| end.to_rfc2822().unwrap_or_else(|error| error))
    });
    ends.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_numbers_of_known_units() {
        assert_eq!(within("2", "weeks").unwrap(), Duration::from_secs(14 * DAY_SECS));
        assert!(within("4294967295", "years").is_ok());
        for (number, unit) in [("x", "days"), ("-1", "days"), ("1", "hours"), ("", "days")] {
            assert!(within(number, unit).is_err(), "{number} {unit}");
        }
    }

    #[test]
    fn a_certificate_ends_when_it_says() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(2030, 1, 1);
        let certificate = parameters.self_signed(&key).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), certificate.pem()).unwrap();
        let at_2030 = 1_893_456_000;
        assert_eq!(ends_before(file.path(), at_2030).len(), 0);
        assert_eq!(ends_before(file.path(), at_2030 + 1), ["Tue, 01 Jan 2030 00:00:00 +0000"]);
    }
}
