//! How a behaviour ends when it is not proven.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::time::Duration;

use tokio::time;

/// For one event that must come.
const SOON: Duration = Duration::from_secs(10);

/// Why a behaviour is not proven.
#[derive(Debug)]
pub enum Failure {
    /// It is not so, or something stood in the way.
    Failed(String),
    /// The library has no such feature; why.
    NotOffered(&'static str),
}

/// What a behaviour, or a step of it, comes to.
pub type Proof<T = ()> = Result<T, Failure>;

// Like the catch-all errors of applications, this one is no `Error` itself, so that this can be.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut below = error.source();
        while let Some(cause) = below {
            // Some errors already tell of their cause.
            if !text.contains(&cause.to_string()) {
                text = format!("{text}: {cause}");
            }
            below = cause.source();
        }
        Self::Failed(text)
    }
}

/// Fails unless it is true.
pub fn that(truth: bool, otherwise: impl Display) -> Proof {
    if truth { Ok(()) } else { Err(Failure::Failed(otherwise.to_string())) }
}

/// Fails unless both are the same.
#[expect(clippy::needless_pass_by_value, reason = "as in assert_eq, most are made on the spot")]
pub fn same<A: PartialEq<B> + Debug, B: Debug>(what: &str, got: A, want: B) -> Proof {
    that(got == want, format_args!("{what}: {got:?} instead of {want:?}"))
}

/// Waits for what must come.
pub async fn soon<T>(what: &str, coming: impl Future<Output = T>) -> Proof<T> {
    time::timeout(SOON, coming).await.map_err(|_| Failure::Failed(format!("{what} did not come in {SOON:?}")))
}
