//! Prometheus' text format, version 0.0.4.
//!
//! Invariant: the samples of a family stand together, after its HELP and TYPE, and no family comes twice; so whoever
//! writes a family writes all of it at once.

use std::io::{self, Write};

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only rises while the broker lives.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// A family, without what stands before its name.
#[derive(Clone, Copy, Debug)]
pub struct About {
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
}

/// A label and its value.
pub type Label<'a> = (&'static str, &'a str);

/// A page that is being written.
pub struct Text<'w> {
    out: &'w mut dyn Write,
    prefix: &'static str,
}

impl<'w> Text<'w> {
    /// A page whose families' names begin like this.
    pub fn new(out: &'w mut dyn Write, prefix: &'static str) -> Self {
        Self { out, prefix }
    }

    /// The same page, for families whose names begin otherwise.
    pub fn named(&mut self, prefix: &'static str) -> Text<'_> {
        Text { out: &mut *self.out, prefix }
    }

    /// HELP and TYPE.
    pub fn begin(&mut self, about: &About) -> io::Result<()> {
        self.head(about, about.kind.as_str())
    }

    fn head(&mut self, about: &About, kind: &str) -> io::Result<()> {
        let About { name, help, .. } = about;
        let prefix = self.prefix;
        writeln!(self.out, "# HELP {prefix}{name} {help}\n# TYPE {prefix}{name} {kind}")
    }

    /// One sample of the family that was begun.
    pub fn sample(&mut self, name: &str, labels: &[Label<'_>], value: f64) -> io::Result<()> {
        write!(self.out, "{}{name}", self.prefix)?;
        for (at, (label, text)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            write!(self.out, "{before}{label}=\"")?;
            self.escaped(text)?;
            self.out.write_all(b"\"")?;
        }
        if !labels.is_empty() {
            self.out.write_all(b"}")?;
        }
        self.out.write_all(b" ")?;
        self.number(value)?;
        self.out.write_all(b"\n")
    }

    /// A family of one sample.
    pub fn single(&mut self, about: &About, value: f64) -> io::Result<()> {
        self.begin(about)?;
        self.sample(about.name, &[], value)
    }

    /// A whole histogram of one series. `classes` are not cumulative; the last one has no bound.
    pub fn histogram(
        &mut self,
        about: &About,
        labels: &[Label<'_>],
        classes: &Classes<'_>,
    ) -> io::Result<()> {
        self.head(about, "histogram")?;
        let (bucket, sum, count) = (
            format!("{}_bucket", about.name),
            format!("{}_sum", about.name),
            format!("{}_count", about.name),
        );
        let bounds = classes.bounds.iter().map(|bound| bound_text(*bound)).chain(["+Inf".to_owned()]);
        let mut all = 0;
        for (bound, number) in bounds.zip(classes.counts) {
            all += number;
            let labels: Vec<Label<'_>> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            self.sample(&bucket, &labels, float(all))?;
        }
        self.sample(&sum, labels, classes.sum)?;
        self.sample(&count, labels, float(all))
    }

    fn escaped(&mut self, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find(['\\', '"', '\n']) {
            let (plain, special) = rest.split_at(at);
            self.out.write_all(plain.as_bytes())?;
            let escaped: &[u8] = match special.as_bytes().first() {
                Some(b'\n') => b"\\n",
                Some(b'"') => b"\\\"",
                _ => b"\\\\",
            };
            self.out.write_all(escaped)?;
            rest = special.get(1..).unwrap_or_default();
        }
        self.out.write_all(rest.as_bytes())
    }

    fn number(&mut self, value: f64) -> io::Result<()> {
        if value.is_nan() { self.out.write_all(b"NaN") } else { write!(self.out, "{value}") }
    }
}

/// What a histogram counts.
pub struct Classes<'a> {
    /// Upper bounds; they rise.
    pub bounds: &'a [f64],
    /// By class, and what is above all bounds.
    pub counts: &'a [u64],
    /// All values together.
    pub sum: f64,
}

/// A bound as Prometheus itself writes it: `100.0`, `1e+06`. Two writings of one number would be two series.
fn bound_text(bound: f64) -> String {
    if 1e6 <= bound {
        let exponent = bound.log10().floor();
        let mantissa = bound / 10_f64.powf(exponent);
        return format!("{mantissa}e+{exponent:02}");
    }
    format!("{bound:?}")
}

/// A count as a sample has it.
#[expect(clippy::cast_precision_loss, reason = "samples are floating point numbers")]
pub fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Text<'_>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut Text::new(&mut out, "p_")).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_labels_and_numbers_are_written_as_prometheus_reads_them() {
        let about = About { name: "x_total", kind: Kind::Counter, help: "What x." };
        let text = written(|text| {
            text.begin(&about)?;
            text.sample("x_total", &[("a", "1\"2\\3\n4"), ("b", "")], 3.0)?;
            text.sample("x_total", &[], 0.25)?;
            text.sample("x_total", &[], f64::NAN)?;
            text.sample("x_total", &[], 12_345_678_901_234.0)
        });
        let expected = "# HELP p_x_total What x.\n# TYPE p_x_total counter\np_x_total{a=\"1\\\"2\\\\3\\n4\",b=\"\"} 3\n\
                        p_x_total 0.25\np_x_total NaN\np_x_total 12345678901234\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_histogram_is_cumulative_and_ends_with_everything() {
        let about = About { name: "h", kind: Kind::Gauge, help: "H." };
        let classes = Classes { bounds: &[0.5, 100.0, 1e6, 5e7], counts: &[1, 0, 2, 0, 4], sum: 9.5 };
        let text = written(|text| text.histogram(&about, &[("l", "v")], &classes));
        let samples: Vec<&str> = text.lines().skip(1).collect();
        let expected = [
            "# TYPE p_h histogram",
            "p_h_bucket{l=\"v\",le=\"0.5\"} 1",
            "p_h_bucket{l=\"v\",le=\"100.0\"} 1",
            "p_h_bucket{l=\"v\",le=\"1e+06\"} 3",
            "p_h_bucket{l=\"v\",le=\"5e+07\"} 3",
            "p_h_bucket{l=\"v\",le=\"+Inf\"} 7",
            "p_h_sum{l=\"v\"} 9.5",
            "p_h_count{l=\"v\"} 7",
        ];
        assert_eq!(samples, expected);
    }
}
