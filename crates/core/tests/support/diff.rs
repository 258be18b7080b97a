//! Two transcripts side by side, for the eye.

/// Whether an expected line is this one. `…` at its end stands for any rest.
pub fn is_met(expected: &str, actual: &str) -> bool {
    expected.strip_suffix('…').map_or(expected == actual, |front| actual.starts_with(front))
}

/// All lines; `-` was expected and did not come, `+` came and was not expected.
pub fn diff(expected: &[String], actual: &[String]) -> String {
    // Length of the longest common subsequence of the two tails, for every pair of tails.
    let mut common = vec![vec![0; actual.len() + 1]; expected.len() + 1];
    for i in (0..expected.len()).rev() {
        for j in (0..actual.len()).rev() {
            common[i][j] = if is_met(&expected[i], &actual[j]) {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut text) = (0, 0, String::new());
    while i < expected.len() || j < actual.len() {
        let (sign, line) = match (expected.get(i), actual.get(j)) {
            (Some(left), Some(right)) if is_met(left, right) => {
                (i, j) = (i + 1, j + 1);
                (' ', right)
            }
            (Some(left), right) if right.is_none() || common[i][j + 1] <= common[i + 1][j] => {
                i += 1;
                ('-', left)
            }
            (_, right) => {
                j += 1;
                ('+', right.unwrap())
            }
        };
        text.extend([&format!("{sign} {line}"), "\n"]);
    }
    text
}
