//! Too much of everything: what one peer opens, sends or does not read has a bound, and is gone with it.

use crate::caller::Caller;
use crate::script::After;
use crate::siege::Siege;
use crate::speech;

/// What a peer may make the broker hold at most, beside messages: the bounds that docs/architecture.md lists, a few times over.
const FLOODED_BYTES: usize = 32 << 20;

/// Says it all, or as much as is taken, and sees that the peer is alive on another channel or was told why not.
async fn flood(siege: &mut Siege, what: &str, said: &[u8], last: &str) {
    println!("{what}");
    let mut caller = siege.caller(After::Channel).await;
    siege.say(&caller, said).await;
    siege.say(&caller, &speech::all(999, "channel.open")).await;
    let heard = loop {
        let heard = siege.next(&mut caller).await;
        if heard.starts_with("999<") || heard.starts_with("0<") {
            break heard;
        }
    };
    assert_eq!(heard, last, "{what}");
    drop(caller);
    siege.neighbour.settle().await;
}

#[test]
fn floods_of_methods_are_answered_to_the_last() {
    crate::besieged_at_home(async |siege| {
        let served = "999< channel.open-ok";
        let floods = [
            ("acknowledgements of what was never delivered", "10000 times ack 7"),
            ("acknowledgements of everything", "10000 times ack 0 multiple"),
            ("queues without a name", "2000 times queue.declare '' exclusive nowait"),
            ("publishes to an exchange that is not there", "1000 times publish nosuch key x*1000"),
            ("publishes to a queue that is not there", "5000 times publish '' nosuch x*100"),
            ("publishes that come back", "2000 times publish '' nosuch x*100 mandatory"),
            (
                "exchanges that are there already",
                "5000 times exchange.declare amq.topic topic durable nowait",
            ),
            ("bindings that are not there", "5000 times exchange.unbind amq.topic amq.direct key nowait"),
            ("transactions", "5000 times tx.select"),
            ("heartbeats", "50000 times 0: heartbeat"),
            ("consumers cancelled that were never there", "5000 times cancel nobody nowait"),
        ];
        for (what, said) in floods {
            flood(siege, what, &speech::all(1, said), served).await;
        }
        let consumers = "queue.declare '' exclusive nowait ; 500 times consume '' '' nowait";
        flood(siege, "consumers", &speech::all(1, consumers), served).await;
        let unused: Vec<u8> = (1000..3000).flat_map(|channel| speech::all(channel, "channel.open")).collect();
        flood(siege, "channels that are not used", &unused, served).await;
    });
}

#[test]
fn channels_that_are_opened_and_never_closed_come_to_the_limit() {
    crate::besieged_at_home(async |siege| {
        let all: Vec<u8> =
            (1000..=u16::MAX).flat_map(|channel| speech::all(channel, "channel.open")).collect();
        let refusal = "0< connection.close 530 0.0 NOT_ALLOWED - number of channels opened (2047) has reached the \
                       negotiated channel_max (2047)";
        flood(siege, "all channels", &all, refusal).await;
    });
}

#[test]
fn a_channel_is_opened_and_closed_without_end() {
    crate::besieged_at_home(async |siege| {
        let mut caller = siege.caller(After::Open).await;
        for _ in 0..2000 {
            siege.say(&caller, &speech::all(2, "channel.open")).await;
            assert_eq!(siege.next(&mut caller).await, "2< channel.open-ok");
            siege.say(&caller, &speech::all(2, "channel.close")).await;
            assert_eq!(siege.next(&mut caller).await, "2< channel.close-ok");
        }
    });
}

#[test]
fn a_crowd_that_comes_halfway_in_and_is_gone() {
    crate::besieged_at_home(async |siege| {
        let stages =
            [After::Nothing, After::Header, After::StartOk, After::TuneOk, After::Open, After::ContentHeader];
        let mut crowd: Vec<Caller> = Vec::new();
        for after in stages.iter().cycle().take(240) {
            crowd.push(siege.caller(*after).await);
            siege.neighbour.trip().await;
        }
        drop(crowd);
        siege.neighbour.settle().await;
    });
}

/// What is asked is answered, and the answers are not read: at some point nothing more is taken.
async fn deaf(siege: &mut Siege, what: &str, prepared: &str, said: &str) {
    println!("{what}");
    let before = crate::heap_bytes();
    let caller = siege.caller(After::Channel).await;
    siege.say(&caller, &speech::all(1, prepared)).await;
    let said = speech::all(1, said);
    siege.say(&caller, &said).await;
    siege.neighbour.settle().await;
    // The script itself is in the count.
    let held = crate::heap_bytes().saturating_sub(before + said.len());
    println!("{held} bytes are held");
    assert!(held < FLOODED_BYTES, "{held} bytes are held for {what}");
}

#[test]
fn who_does_not_read_is_not_read_any_more_and_costs_no_more_than_that() {
    crate::besieged_at_home(async |siege| {
        let queue = "queue.declare hostile-deaf exclusive";
        deaf(siege, "answers", queue, "200000 times queue.declare hostile-deaf passive").await;
        deaf(siege, "messages that come back", "qos 1", "40000 times publish '' nosuch x*1000 mandatory")
            .await;
        deaf(siege, "confirms", "confirm.select", "200000 times publish '' nosuch x").await;
        deaf(siege, "nothing to get", queue, "200000 times get hostile-deaf").await;
        let echo = "queue.declare hostile-deaf exclusive ; consume hostile-deaf c no-ack";
        deaf(siege, "deliveries", echo, "2000 times publish '' hostile-deaf x*10000").await;
    });
}
