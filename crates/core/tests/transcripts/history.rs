//! The history that a dead-lettered message has in its headers.
//!
//! Its times are seconds since the epoch; the clock of a transcript begins at 1000.

use crate::check;

/// The headers of a message that has died once, in `queue`, and was published to `exchange` with these keys.
pub fn died_once(reason: &str, queue: &str, exchange: &str, keys: &str) -> String {
    format!(
        "x-death=[{{count=1:l, reason={reason}, queue={queue}, time=1000:T, exchange={exchange}, routing-keys=[{keys}]}}], {}",
        ends([reason, queue, exchange], [reason, queue, exchange])
    )
}

/// The headers that tell the first death and the last.
pub fn ends(first: [&str; 3], last: [&str; 3]) -> String {
    let told = |end: &str, [reason, queue, exchange]: [&str; 3]| {
        format!(
            "x-{end}-death-reason={reason}, x-{end}-death-queue={queue}, x-{end}-death-exchange={exchange}"
        )
    };
    format!("{}, {}", told("first", first), told("last", last))
}

/// A queue `q` of which dead letters go to the queue `dead`.
const TO_DEAD: &str = "
    a.1 > queue.declare dead
    a.1 < queue.declare-ok dead messages=0 consumers=0
    a.1 > queue.declare q x-dead-letter-exchange='' x-dead-letter-routing-key=dead
    a.1 < queue.declare-ok q messages=0 consumers=0
";

#[track_caller]
fn with_dead(rest: &str) {
    check(&format!("{TO_DEAD}{rest}"));
}

#[test]
fn a_client_can_not_make_up_a_history() {
    let headers = died_once("rejected", "q", "''", "q");
    with_dead(&format!(
        "
        a.1 > publish '' q one headers={{x-death=mine, x-first-death-queue=zz, x-last-death-reason=why, a=1}}
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0 headers={{x-death=mine, x-first-death-queue=zz, x-last-death-reason=why, a=1}}
        a.1 > nack 1
        a.1 > get dead no-ack
        a.1 < get-ok #2 '' dead one left=0 headers={{a=1, {headers}}}
        a.1 > publish '' q two headers={{x-death=[{{count=9:l, reason=rejected, queue=q, time=1:T, exchange='', routing-keys=[q]}}]}}
        a.1 > get q
        a.1 < get-ok #3 '' q two left=0 headers={{x-death=[{{count=9:l, reason=rejected, queue=q, time=1:T, exchange='', routing-keys=[q]}}]}}
        a.1 > nack 3
        a.1 > get dead no-ack
        a.1 < get-ok #4 '' dead two left=0 headers={{{headers}}}
        "
    ));
}

#[test]
fn a_history_grows_at_its_front_and_counts_repetitions() {
    let ends_at = |last: [&str; 3]| ends(["rejected", "q", "''"], last);
    let (first, second, third) = (
        ends_at(["rejected", "q", "''"]),
        ends_at(["expired", "wait", "''"]),
        ends_at(["rejected", "q", "''"]),
    );
    check(&format!(
        "
        a.1 > queue.declare q x-dead-letter-exchange='' x-dead-letter-routing-key=wait
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare wait x-dead-letter-exchange='' x-dead-letter-routing-key=q x-message-ttl=3000
        a.1 < queue.declare-ok wait messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > reject 1
        a.1 > get wait
        a.1 < get-ok #2 '' wait one left=0 headers={{x-death=[{{count=1:l, reason=rejected, queue=q, time=1000:T, exchange='', routing-keys=[q]}}], {first}}}
        a.1 > nack 2 requeue
        +3s
        a.1 > get q
        a.1 < get-ok #3 '' q one left=0 headers={{x-death=[{{count=1:l, reason=expired, queue=wait, time=1003:T, exchange='', routing-keys=[wait]}}, {{count=1:l, reason=rejected, queue=q, time=1000:T, exchange='', routing-keys=[q]}}], {second}}}
        a.1 > reject 3
        +2s
        a.1 > get wait no-ack
        a.1 < get-ok #4 '' wait one left=0 headers={{x-death=[{{count=2:l, reason=rejected, queue=q, time=1000:T, exchange='', routing-keys=[q]}}, {{count=1:l, reason=expired, queue=wait, time=1003:T, exchange='', routing-keys=[wait]}}], {third}}}
        "
    ));
}

#[test]
fn a_queue_may_have_one_event_for_each_reason() {
    let ends = ends(["rejected", "q", "''"], ["expired", "q", "''"]);
    check(&format!(
        "
        a.1 > queue.declare dead x-dead-letter-exchange='' x-dead-letter-routing-key=q
        a.1 < queue.declare-ok dead messages=0 consumers=0
        a.1 > queue.declare q x-message-ttl=100 x-dead-letter-exchange='' x-dead-letter-routing-key=dead
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > nack 1
        a.1 > get dead
        a.1 < get-ok #2 '' dead one left=0 headers={{…
        a.1 > nack 2
        +100ms
        a.1 > get dead
        a.1 < get-ok #3 '' dead one left=0 headers={{x-death=[{{count=1:l, reason=expired, queue=q, time=1000:T, exchange='', routing-keys=[q]}}, {{count=1:l, reason=rejected, queue=dead, time=1000:T, exchange='', routing-keys=[dead]}}, {{count=1:l, reason=rejected, queue=q, time=1000:T, exchange='', routing-keys=[q]}}], {ends}}}
        "
    ));
}

#[test]
fn what_expires_at_one_time_is_dead_lettered_by_the_time_it_was_due() {
    let headers = |time: &str| {
        format!(
            "headers={{x-death=[{{original-expiration='{time}', count=1:l, reason=expired, queue=q, time=1000:T, exchange='', routing-keys=[q]}}], {}}}",
            ends(["expired", "q", "''"], ["expired", "q", "''"])
        )
    };
    with_dead(&format!(
        "
        a.1 > consume dead d no-ack
        a.1 < consume-ok d
        a.1 > publish '' q late expiration=300
        a.1 > publish '' q early expiration=100
        a.1 > publish '' q later expiration=300
        +500ms
        a.1 < deliver d #1 '' dead early {}
        a.1 < deliver d #2 '' dead late {}
        a.1 < deliver d #3 '' dead later {}
        ",
        headers("100"),
        headers("300"),
        headers("300")
    ));
}

#[test]
fn an_expired_message_is_dead_lettered_without_its_expiration() {
    check(
        "
        a.1 > queue.declare dead
        a.1 < queue.declare-ok dead messages=0 consumers=0
        a.1 > queue.declare q x-dead-letter-exchange='' x-dead-letter-routing-key=dead
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume dead d no-ack
        a.1 < consume-ok d
        a.1 > publish '' q one expiration=2500 correlation-id=7
        +3s
        a.1 < deliver d #1 '' dead one headers={x-death=[{original-expiration='2500', count=1:l, reason=expired, queue=q, time=1002:T, exchange='', routing-keys=[q]}], x-first-death-reason=expired, x-first-death-queue=q, x-first-death-exchange='', x-last-death-reason=expired, x-last-death-queue=q, x-last-death-exchange=''} correlation-id=7
        ",
    );
}
