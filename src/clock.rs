//! The broker's one clock: what every rule is told as `now`.
//!
//! It never runs backwards. The system's clock starts from the wall clock and from then on follows the
//! monotonic one, so a step of the wall clock (NTP, an operator) neither expires nor revives anything. A
//! manual clock stands still until it is moved, and whoever sleeps by it wakes when it is.

use std::future::pending;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use leveret_core::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

/// A source of time. Clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { started: Instant, started_at: Timestamp },
    Manual(watch::Receiver<Timestamp>),
}

impl Clock {
    /// The machine's time.
    pub fn system() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let started_at = Timestamp::default() + since_1970;
        Self(Source::System { started: Instant::now(), started_at })
    }

    /// Time that a test moves.
    pub fn manual(start: Timestamp) -> ManualClock {
        ManualClock { now: watch::Sender::new(start) }
    }

    /// This moment.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { started, started_at } => *started_at + started.elapsed(),
            Source::Manual(now) => *now.borrow(),
        }
    }

    /// Returns once `deadline` has come.
    pub async fn sleep_until(&self, deadline: Timestamp) {
        let mut timer = Timer::new(self.clone());
        timer.set(Some(deadline));
        timer.elapsed().await;
    }
}

/// A clock that stands still until it is moved; clones move the same one.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
}

impl ManualClock {
    /// Moves time forward and wakes whoever slept until then.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = *now + by);
    }

    /// Where it stands.
    pub fn now(&self) -> Timestamp {
        *self.now.borrow()
    }
}

impl From<ManualClock> for Clock {
    fn from(clock: ManualClock) -> Self {
        (&clock).into()
    }
}

impl From<&ManualClock> for Clock {
    fn from(clock: &ManualClock) -> Self {
        Self(Source::Manual(clock.now.subscribe()))
    }
}

/// One task's alarm. Moving it later costs nothing: it then goes off early, unseen, and is set again.
pub struct Timer {
    clock: Clock,
    deadline: Option<Timestamp>,
    /// What the runtime was told, under the system's clock: the deadline or something before it.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// A timer that never goes off until it is set.
    pub fn new(clock: Clock) -> Self {
        Self { clock, deadline: None, sleep: None }
    }

    /// Sets when to go off next; `None` is never.
    pub fn set(&mut self, deadline: Option<Timestamp>) {
        self.deadline = deadline;
    }

    /// Returns once the deadline has come. May be dropped and called again.
    pub async fn elapsed(&mut self) {
        let Some(deadline) = self.deadline else { return pending().await };
        match &mut self.clock.0 {
            Source::System { started, started_at } => {
                sleep_until(&mut self.sleep, *started + deadline.duration_since(*started_at)).await;
            }
            Source::Manual(now) => {
                if now.wait_for(|now| deadline <= *now).await.is_err() {
                    // Whoever could move it is gone: it stands still for ever.
                    pending::<()>().await;
                }
            }
        }
    }
}

/// Heartbeats move a connection's deadline with every read, and moving one of the runtime's timers costs
/// a lock: so a timer that is set for something earlier is left alone until it goes off.
async fn sleep_until(sleep: &mut Option<Pin<Box<Sleep>>>, instant: Instant) {
    let sleep = sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(instant)));
    if instant < sleep.deadline() {
        sleep.as_mut().reset(instant);
    }
    loop {
        sleep.as_mut().await;
        if instant <= sleep.deadline() {
            return;
        }
        sleep.as_mut().reset(instant);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn at(micros: u64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn is_ready(future: impl Future<Output = ()>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        std::pin::pin!(future).as_mut().poll(&mut context) == Poll::Ready(())
    }

    #[tokio::test(start_paused = true)]
    async fn the_system_clock_starts_at_the_wall_clock_and_follows_the_monotonic_one() {
        let clock = Clock::system();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let started = clock.now();
        let wall = at(u64::try_from(wall.as_micros()).unwrap());
        assert!(wall.duration_since(started) < Duration::from_mins(1));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(clock.now().duration_since(started), Duration::from_secs(5));
        assert_eq!(clock.clone().now(), clock.now());
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_by_the_system_clock_ends_when_its_time_has_come() {
        let clock = Clock::system();
        let deadline = clock.now() + Duration::from_millis(250);
        clock.sleep_until(deadline).await;
        assert!(deadline <= clock.now());
        // A moment that has passed is no wait at all.
        clock.sleep_until(deadline).await;
        clock.sleep_until(at(0)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_follows_its_deadline_in_both_directions() {
        let clock = Clock::system();
        let started = clock.now();
        let mut timer = Timer::new(clock.clone());
        assert!(!is_ready(timer.elapsed()));
        timer.set(Some(started + Duration::from_secs(10)));
        assert!(!is_ready(timer.elapsed()));
        timer.set(Some(started + Duration::from_secs(20)));
        timer.elapsed().await;
        assert_eq!(clock.now().duration_since(started), Duration::from_secs(20));
        timer.set(Some(started + Duration::from_secs(90)));
        assert!(!is_ready(timer.elapsed()));
        timer.set(Some(started + Duration::from_secs(30)));
        timer.elapsed().await;
        assert_eq!(clock.now().duration_since(started), Duration::from_secs(30));
        timer.set(None);
        tokio::time::advance(Duration::from_secs(100)).await;
        assert!(!is_ready(timer.elapsed()));
    }

    #[tokio::test]
    async fn a_manual_clock_stands_still_until_it_is_moved() {
        let manual = Clock::manual(at(1_000_000));
        let clock = Clock::from(&manual);
        assert_eq!((clock.now(), manual.now()), (at(1_000_000), at(1_000_000)));
        manual.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), at(2_000_000));
        manual.advance(Duration::ZERO);
        assert_eq!(clock.now(), at(2_000_000));
    }

    #[tokio::test]
    async fn who_sleeps_by_a_manual_clock_wakes_when_it_is_moved_far_enough() {
        let manual = Clock::manual(at(0));
        let clock = Clock::from(&manual);
        let sleeping = tokio::spawn(async move {
            clock.sleep_until(at(3_000_000)).await;
            clock.now()
        });
        tokio::task::yield_now().await;
        for _ in 0..2 {
            manual.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
            assert!(!sleeping.is_finished());
        }
        manual.advance(Duration::from_secs(5));
        assert_eq!(sleeping.await.unwrap(), at(7_000_000));
    }
}
