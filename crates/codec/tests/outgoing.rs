//! Whatever is put and whatever the socket takes: the stream is what was put, in order.

use std::io::IoSlice;

use bytes::Bytes;
use leveret_codec::Outgoing;
use proptest::{collection, prelude::*};

#[derive(Clone, Debug)]
enum Step {
    Copy(usize),
    Share(usize),
    /// The socket is offered so many slices and takes so many bytes of them.
    Write {
        slices: usize,
        taken: usize,
    },
    Shrink,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..40_usize).prop_map(Step::Copy),
        (0..40_usize).prop_map(Step::Share),
        (0..5_usize, 0..90_usize).prop_map(|(slices, taken)| Step::Write { slices, taken }),
        Just(Step::Shrink),
    ]
}

/// Bytes that tell their place in the stream.
fn next_bytes(put: &mut Vec<u8>, count: usize) -> Bytes {
    let bytes: Bytes = (put.len()..put.len() + count).map(|place| place.to_le_bytes()[0]).collect();
    put.extend_from_slice(&bytes);
    bytes
}

/// What the socket sees of the front.
fn offered(out: &Outgoing, slices: usize) -> Vec<u8> {
    let mut into = vec![IoSlice::new(b""); slices];
    let filled = out.io_slices(&mut into);
    assert!(
        into.iter().take(filled).all(|slice| !slice.is_empty()),
        "an empty slice would be a wasted entry"
    );
    into.iter().take(filled).flat_map(|slice| slice.iter().copied()).collect()
}

proptest! {
    #[test]
    fn the_socket_gets_what_was_put_in_order(steps in collection::vec(step(), 0..60)) {
        let (mut out, mut put, mut written) = (Outgoing::new(), Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Copy(count) => {
                    let bytes = next_bytes(&mut put, count);
                    out.buffer().extend_from_slice(&bytes);
                }
                Step::Share(count) => out.put_shared(next_bytes(&mut put, count)),
                Step::Write { slices, taken } => {
                    let mut part = offered(&out, slices);
                    part.truncate(taken);
                    out.advance(part.len());
                    written.extend(part);
                }
                Step::Shrink => out.shrink(),
            }
            prop_assert_eq!(out.len(), put.len() - written.len());
            prop_assert_eq!(out.is_empty(), put.len() == written.len());
        }
        while !out.is_empty() {
            let part = offered(&out, 1);
            out.advance(part.len());
            written.extend(part);
        }
        prop_assert_eq!(written, put);
    }
}
