//! A test sets the time, or waits for the thing itself; it never sleeps and hopes.
//!
//! A sleep is too short on a loaded machine and too long everywhere else. The foreign clients' tests
//! are bound as well, in whatever language they are written; not so the tutorials that they run, which are
//! programs as users write them, nor, one by one, programs whose behaviour is
//! time itself, which no client lets be set. To await a method of a clock, `clock.sleep_until(at)`, is no sleep: the
//! test moves that clock itself.

use crate::source::Source;
use crate::{Exception, Finding, assert_in_use, assert_tidy, source};

const SILENCE: &str = "a client with heartbeats says nothing for longer than they are apart: the behaviour is that time, of a client and a broker whose clocks are their own";
const UNUSED: &str = "nobody may look at a queue that is to go because nobody uses it: looking is using";
const ASKS: &str = "the library has no event for it: it asks again, with a deadline";

/// Where a test may sleep: programs that know no clock but the client's, run against any broker.
const EXCEPTIONS: &[Exception] = &[
    Exception { path: "interop-tests/matrix/java/src/leveret/matrix/harness/Check.java", reason: ASKS },
    Exception { path: "interop-tests/matrix/java/src/leveret/matrix/java/Connections.java", reason: SILENCE },
    Exception { path: "interop-tests/matrix/java/src/leveret/matrix/java/Expiry.java", reason: UNUSED },
    Exception { path: "interop-tests/matrix/php/Connections.php", reason: SILENCE },
    Exception { path: "interop-tests/matrix/php/Expiry.php", reason: UNUSED },
    Exception { path: "interop-tests/matrix/php/Stage.php", reason: ASKS },
    Exception { path: "interop-tests/matrix/ruby/connections.rb", reason: SILENCE },
    Exception { path: "interop-tests/matrix/ruby/expiry.rb", reason: UNUSED },
    Exception { path: "interop-tests/matrix/ruby/harness.rb", reason: ASKS },
    Exception {
        path: "interop-tests/matrix/spring/src/leveret/matrix/spring/Connections.java",
        reason: SILENCE,
    },
    Exception { path: "interop-tests/matrix/spring/src/leveret/matrix/spring/Expiry.java", reason: UNUSED },
];

const FOREIGN: &[&str] = &["py", "js", "mjs", "ts", "go", "java", "rb", "php", "cs"];

fn sleeps(source: &Source) -> Vec<Finding> {
    let lines: Vec<usize> =
        if source.is_rust() { sleeps_in_rust(source) } else { sleeps_elsewhere(source).collect() };
    lines.into_iter().map(|line| Finding::new(&source.path, line, "a test sleeps")).collect()
}

fn sleeps_in_rust(source: &Source) -> Vec<usize> {
    let in_tests = source.test_lines();
    let is_test = |line: &usize| source.is_test() || in_tests.iter().any(|lines| lines.contains(line));
    let calls = |path: &str| matches!(path.rsplit("::").next(), Some("sleep" | "sleep_ms" | "sleep_until"));
    source
        .code_paths()
        .iter()
        .filter(|(_, path)| calls(path))
        .map(|(line, _)| *line)
        .filter(is_test)
        .collect()
}

fn sleeps_elsewhere(source: &Source) -> impl Iterator<Item = usize> {
    source.lines().filter(|(_, line)| line.to_lowercase().contains("sleep(")).map(|(line, _)| line)
}

#[test]
fn tests_never_sleep() {
    assert_in_use(EXCEPTIONS);
    let excepted = |path: &str| EXCEPTIONS.iter().any(|exception| exception.path == path);
    let foreign = |source: &Source| {
        source.path.starts_with("interop-tests/")
            && !source.path.contains("/tutorials/")
            && FOREIGN.contains(&source.extension())
    };
    let sources = source::all().into_iter().filter(|source| source.is_rust() || foreign(source));
    let findings =
        sources.filter(|source| !excepted(&source.path)).flat_map(|source| sleeps(&source)).collect();
    assert_tidy("Set the clock, or wait for the event itself with a deadline.", findings);
}

#[test]
fn a_test_that_sleeps_is_found() {
    let lines =
        |path: &str, text: &str| sleeps(&Source::new(path, text)).iter().map(|f| f.line).collect::<Vec<_>>();
    let code = "fn a() { thread::sleep(b); }\n#[cfg(test)]\nmod tests {\n    async fn c() { tokio::time::sleep(d).await }\n}\n";
    assert_eq!(lines("src/a.rs", code), [4]);
    assert_eq!(lines("tests/amqp/a.rs", code), [1, 4]);
    assert_eq!(lines("crates/core/src/queue/tests.rs", "use tokio::time::sleep;"), [1]);
    assert_eq!(lines("interop-tests/pika/a.py", "import time\ntime.sleep(1)\n"), [2]);
    assert_eq!(lines("tests/a.rs", "clock.sleep_until(a).await;"), []);
    assert_eq!(lines("tests/a.rs", "// sleep(1)\nconst A: &str = \"sleep(1)\";"), []);
}
