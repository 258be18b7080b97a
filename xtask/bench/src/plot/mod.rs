//! Plots as plain SVG, readable on a light page and on a dark one; text is text.

mod bars;
mod lines;

pub use bars::{Bar, Bars, Group};
pub use lines::{Line, Lines};

const WIDTH: f64 = 760.0;

/// Colours that are told apart by most eyes and on both grounds; a series has the class of its number.
const STYLE: &str = "<style>text{font:13px system-ui,sans-serif;fill:#24292f}.t{font-size:16px;font-weight:600}\
.g{stroke:#d0d7de}.s0{fill:#d9480f;stroke:#d9480f}.s1{fill:#868e96;stroke:#868e96}.s2{fill:#1971c2;stroke:#1971c2}\
.s3{fill:#2f9e44;stroke:#2f9e44}.s4{fill:#9c36b5;stroke:#9c36b5}.l{fill:none;stroke-width:2}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.g{stroke:#3d444d}.s0{fill:#ff922b;stroke:#ff922b}\
.s1{fill:#adb5bd;stroke:#adb5bd}.s2{fill:#4dabf7;stroke:#4dabf7}.s3{fill:#69db7c;stroke:#69db7c}\
.s4{fill:#da77f2;stroke:#da77f2}.l{fill:none}}</style>";

/// How many series have a colour of their own.
const COLOURS: usize = 5;

fn framed(height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" height=\"{height:.0}\">\n{STYLE}\n{body}</svg>\n"
    )
}
