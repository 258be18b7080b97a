//! A broker that stops reading for a while: the messages that were due meanwhile are late, and none is left out.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use super::*;

const STALL: Duration = Duration::from_millis(150);

/// Of the one connection that publishes. More is due during the stall than sockets hold.
const STALL_AFTER_BYTES: usize = 5_000_000;

/// Copies until the one end or the other is closed, and pauses once.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut chunk = vec![0; 1 << 16];
    let (mut copied, mut stalled) = (0, false);
    while let Ok(read @ 1..) = from.read(&mut chunk) {
        copied += read;
        if STALL_AFTER_BYTES < copied && !stalled {
            stalled = true;
            let (_nobody_speaks, silence) = mpsc::channel::<()>();
            silence.recv_timeout(STALL).unwrap_err();
        }
        if to.write_all(&chunk[..read]).is_err() {
            break;
        }
    }
    // The other direction may have done so before.
    let _ = (to.shutdown(Shutdown::Write), from.shutdown(Shutdown::Read));
}

/// Stands before a relay, for the control's, the consumer's and the producer's connections; only what is
/// published stalls.
fn stand_before(relay: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for _ in 0..3 {
            let client = listener.accept().unwrap().0;
            let server = TcpStream::connect(relay).unwrap();
            let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || copy(client, server));
            thread::spawn(move || {
                let (mut from, mut to) = back;
                // The consumer's end may be closed first.
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
        }
    });
    address
}

#[test]
fn what_was_due_while_the_broker_stood_still_is_late_and_none_is_left_out() {
    let relay = Relay::listen((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let report = thread::scope(|scope| {
        let serving = scope.spawn(|| relay.serve());
        let url = format!("amqp://{}", stand_before(relay.address()));
        let line = "--quiet --warmup 0 --seconds 0.3 --rate 1000 --size 100000";
        let report = latency(options(&format!("{line} --url {url}")));
        relay.stop();
        serving.join().unwrap().unwrap();
        report.unwrap()
    });
    let measured = report.latency_us.clone().unwrap();
    assert!(report.is_of_rate(1000, measured.count), "{report:?}");
    // Of about 300 that were due in the window, 150 were due during the stall, evenly: 100 of them waited for 50 ms.
    assert!(50e3 < measured.p90 && 140e3 < measured.max, "{measured:?}");
}
