//! Names that the broker makes up are `amq.gen-1`, `amq.gen-2`… in transcripts, in order of appearance.

const PREFIXES: &[&str] = &["amq.gen-", "amq.ctag-", "amq.rabbitmq.reply-to."];

/// What follows the prefix: 16 bytes of URL-safe base64.
const OPAQUE_BYTES: usize = 22;

#[derive(Default)]
pub struct Aliases(Vec<(String, String)>);

impl Aliases {
    /// A line that was heard, with aliases for made-up names.
    pub fn replace_real(&mut self, line: &str) -> String {
        let mut line = line.to_owned();
        for prefix in PREFIXES {
            let mut from = 0;
            while let Some(at) = line[from..].find(prefix).map(|at| from + at) {
                from = at + prefix.len();
                let Some(opaque) = line.get(from..from + OPAQUE_BYTES).filter(|text| is_opaque(text)) else {
                    continue;
                };
                let real = format!("{prefix}{opaque}");
                let alias = self.alias(prefix, &real);
                line = line.replace(&real, &alias);
            }
        }
        line
    }

    fn alias(&mut self, prefix: &str, real: &str) -> String {
        if let Some((_, alias)) = self.0.iter().find(|(known, _)| known == real) {
            return alias.clone();
        }
        let count = self.0.iter().filter(|(known, _)| known.starts_with(prefix)).count();
        let alias = format!("{prefix}{}", count + 1);
        self.0.push((real.to_owned(), alias.clone()));
        alias
    }

    /// A line that is to be said, with the names that its aliases stand for.
    pub fn replace_with_real(&self, line: &str) -> String {
        // The latest first, so that `amq.gen-12` is not taken for `amq.gen-1`.
        self.0.iter().rev().fold(line.to_owned(), |line, (real, alias)| line.replace(alias, real))
    }
}

fn is_opaque(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
