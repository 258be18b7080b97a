//! The options of logging in: how clients may say who they are, and what a certificate says of its user.

use leveret::{LoginFrom, Mechanism, SanType};

use super::options::{Setting, each, named, one, put};
use super::value;

/// The options, in the order of `--help`.
pub const LOGIN_SETTINGS: &[Setting] = &[
    Setting {
        flag: None,
        environment: &[],
        keys: &["auth_mechanisms.*"],
        default: "PLAIN, AMQPLAIN and ANONYMOUS",
        help: "How clients may say who they are: `PLAIN`, `AMQPLAIN`, `ANONYMOUS`, or with a certificate `EXTERNAL`",
        set: |plan, given| {
            plan.settings.mechanisms.clear();
            each(given, |given| {
                plan.settings.mechanisms.push(mechanism(&given.value)?);
                Ok(())
            })
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["anonymous_login_user"],
        default: "guest",
        help: "Whom `ANONYMOUS` logs in; `none` does not offer it",
        set: |plan, given| {
            one(given, |text| named(text).map(|name| plan.settings.anonymous_login.user = name))
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["anonymous_login_pass"],
        default: "guest",
        help: "That user's password",
        set: |plan, given| {
            one(given, |text| named(text).map(|password| plan.settings.anonymous_login.password = password))
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["ssl_cert_login_from"],
        default: "distinguished_name",
        help: "What of a client's certificate is its user for `EXTERNAL`: `distinguished_name`, `common_name` or `subject_alternative_name`",
        set: |plan, given| one(given, |text| put(&mut plan.settings.tls.login.from, login_from(text))),
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["ssl_cert_login_san_type"],
        default: "dns",
        help: "Which kind of alternative name: `dns`, `ip`, `email`, `uri` or `other_name`",
        set: |plan, given| one(given, |text| put(&mut plan.settings.tls.login.san_type, san_type(text))),
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["ssl_cert_login_san_index"],
        default: "0",
        help: "Which one of that kind",
        set: |plan, given| {
            one(given, |text| {
                put(&mut plan.settings.tls.login.san_index, value::integer(text, 0, usize::MAX))
            })
        },
    },
];

fn mechanism(text: &str) -> Result<Mechanism, String> {
    Mechanism::named(text)
        .ok_or_else(|| format!("expected `PLAIN`, `AMQPLAIN`, `ANONYMOUS` or `EXTERNAL`, found `{text}`"))
}

fn login_from(text: &str) -> Result<LoginFrom, String> {
    match text {
        "distinguished_name" => Ok(LoginFrom::DistinguishedName),
        "common_name" => Ok(LoginFrom::CommonName),
        "subject_alternative_name" | "subject_alt_name" => Ok(LoginFrom::SubjectAlternativeName),
        _ => Err(format!(
            "expected `distinguished_name`, `common_name` or `subject_alternative_name`, found `{text}`"
        )),
    }
}

fn san_type(text: &str) -> Result<SanType, String> {
    match text {
        "dns" => Ok(SanType::Dns),
        "ip" => Ok(SanType::Ip),
        "email" => Ok(SanType::Email),
        "uri" => Ok(SanType::Uri),
        "other_name" => Ok(SanType::OtherName),
        _ => Err(format!("expected `dns`, `ip`, `email`, `uri` or `other_name`, found `{text}`")),
    }
}

#[cfg(test)]
mod tests {
    use leveret::{AnonymousLogin, CertificateLogin};

    use super::super::tests::with_file;
    use super::*;

    #[test]
    fn the_file_sets_what_it_names() {
        let settings = with_file(
            "auth_mechanisms.1 = EXTERNAL
             auth_mechanisms.2 = PLAIN
             anonymous_login_user = jane
             anonymous_login_pass = secret
             ssl_cert_login_from = subject_alternative_name
             ssl_cert_login_san_type = email
             ssl_cert_login_san_index = 1",
        )
        .unwrap()
        .settings;
        assert_eq!(settings.mechanisms, [Mechanism::External, Mechanism::Plain]);
        let anonymous = AnonymousLogin { user: "jane".to_owned(), password: "secret".to_owned() };
        assert_eq!(settings.anonymous_login, anonymous);
        let login = CertificateLogin {
            from: LoginFrom::SubjectAlternativeName,
            san_type: SanType::Email,
            san_index: 1,
        };
        assert_eq!(settings.tls.login, login);
    }

    #[test]
    fn what_is_no_way_to_log_in_is_refused() {
        let table = [
            (
                "auth_mechanisms.1 = KERBEROS",
                "auth_mechanisms.1: expected `PLAIN`, `AMQPLAIN`, `ANONYMOUS` or",
            ),
            (
                "ssl_cert_login_from = face",
                "ssl_cert_login_from: expected `distinguished_name`, `common_name` or",
            ),
            (
                "ssl_cert_login_san_type = x400",
                "ssl_cert_login_san_type: expected `dns`, `ip`, `email`, `uri` or",
            ),
        ];
        for (line, expected) in table {
            let refusal = with_file(line).unwrap_err().to_string();
            assert!(refusal.starts_with(&format!("F, line 1: {expected}")), "{refusal}");
        }
    }
}
