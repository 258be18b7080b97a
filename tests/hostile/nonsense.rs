//! Every method there is, wrong in every way that can be counted: cut short at each byte, a byte too long, filled with
//! nonsense; and a whole conversation with each of its bytes wrong.

use leveret_codec::{MethodId, PROTOCOL_HEADER};

use crate::caller::{Caller, END};
use crate::script::After;
use crate::siege::Siege;
use crate::speech;

/// Every method that a client may send on a channel, with arguments of every length.
const METHODS: &[&str] = &[
    "channel.open",
    "channel.flow active",
    "channel.close",
    "access.request /data active",
    "exchange.declare hostile direct auto-delete a=1 b={c=[x, y]}",
    "exchange.delete hostile if-unused",
    "exchange.bind amq.topic amq.direct key a=1",
    "exchange.unbind amq.topic amq.direct key a=1",
    "queue.declare hostile exclusive a=1",
    "queue.bind hostile amq.topic key a=1",
    "queue.unbind hostile amq.topic key a=1",
    "queue.purge hostile",
    "queue.delete hostile if-empty",
    "qos 7",
    "consume hostile tag no-ack a=1",
    "cancel tag",
    "publish-method amq.topic key mandatory",
    "get hostile no-ack",
    "ack 1 multiple",
    "nack 1 multiple requeue",
    "reject 1 requeue",
    "recover requeue",
    "recover-async requeue",
    "confirm.select",
    "tx.select",
    "tx.commit",
    "tx.rollback",
];

/// Bytes of a method frame before its arguments: type, channel, length, class and method.
const BEFORE_ARGUMENTS: usize = 11;

#[test]
fn every_method_that_is_cut_short_or_too_long_is_a_frame_error_of_that_method() {
    crate::besieged(async |siege| {
        for command in METHODS {
            let whole = speech::all(1, command);
            let arguments = &whole[BEFORE_ARGUMENTS..whole.len() - 1];
            let id = MethodId::of(&whole[7..]).unwrap();
            let too_long = [arguments, &[0]].concat();
            let cut_short = (0..arguments.len()).map(|length| &arguments[..length]);
            for arguments in cut_short.chain([too_long.as_slice()]) {
                let said = speech::method(1, id, arguments);
                let answer = answer_to(siege, &said).await;
                let expected = format!("0< connection.close 501 {}.{} FRAME_ERROR - ", id.class, id.method);
                assert!(answer.starts_with(&expected), "{command} as {arguments:?}: {answer}");
            }
        }
    });
}

/// What the broker says to a peer with an open channel.
async fn answer_to(siege: &mut Siege, said: &[u8]) -> String {
    let mut caller = siege.caller(After::Channel).await;
    siege.say(&caller, said).await;
    siege.next(&mut caller).await
}

#[test]
fn every_method_filled_with_nonsense_leaves_the_broker_as_it_was() {
    crate::besieged(async |siege| {
        for id in MethodId::ALL {
            for fill in [0, 1, 0x41, 0xff] {
                for length in [0, 1, 2, 5, 9, 14, 64] {
                    let arguments = vec![fill; length];
                    let caller = siege.caller(After::Channel).await;
                    let said = [0, 1].map(|channel| speech::method(channel, *id, &arguments)).concat();
                    siege.say(&caller, &said).await;
                }
            }
            siege.neighbour.settle().await;
        }
    });
}

#[test]
fn a_conversation_with_any_one_byte_wrong_comes_to_an_end() {
    crate::besieged_at_home(async |siege| {
        let conversation = [
            PROTOCOL_HEADER.to_vec(),
            speech::all(0, "connection.start-ok ; connection.tune-ok"),
            speech::all(0, &format!("connection.open {}", siege.vhost())),
            speech::all(
                1,
                "channel.open ; queue.declare byte exclusive ; publish '' byte hello priority=1 ; get byte",
            ),
            speech::all(1, "ack 1 ; channel.close"),
            speech::all(0, "connection.close"),
        ]
        .concat();
        for at in 0..conversation.len() {
            for wrong in [0x01, 0x80, 0xff] {
                let mut said = conversation.clone();
                said[at] ^= wrong;
                let mut caller = Caller::connect(siege.address).await;
                siege.say(&caller, &said).await;
                caller.stop_sending().await;
                while siege.next(&mut caller).await != END {}
            }
        }
    });
}
