//! What a client's program may ask of the broker's operator: a port that takes lines.
//!
//! ```text
//! restart     stops the broker, starts it again with its data on the same port; answered when it is ready
//! blocked     "ok URL": a broker that is out of memory until `unblocked`
//! unblocked   "ok"
//! ```
//!
//! Invariant: the port does not keep the broker alive; when the run has dropped it, every answer is an error.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

use crate::broker::Broker;

/// The port, open until the process ends.
pub struct Control {
    address: SocketAddr,
}

impl Control {
    /// Opens it for this broker.
    pub fn serve(broker: &Arc<Mutex<Broker>>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let broker = Arc::downgrade(broker);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let broker = Weak::clone(&broker);
                // A program that goes in the middle of a line gets no answer.
                thread::spawn(move || converse(&stream, &broker));
            }
        });
        Ok(Self { address })
    }

    /// What `INTEROP_CONTROL` is to say.
    pub fn address(&self) -> String {
        self.address.to_string()
    }
}

fn converse(mut stream: &TcpStream, broker: &Weak<Mutex<Broker>>) -> io::Result<()> {
    for line in BufReader::new(stream.try_clone()?).lines() {
        let answer = obey(line?.trim(), broker).unwrap_or_else(|error| format!("error {error}"));
        writeln!(stream, "{}", answer.replace('\n', " "))?;
    }
    Ok(())
}

fn obey(order: &str, broker: &Weak<Mutex<Broker>>) -> Result<String, String> {
    let broker = broker.upgrade().ok_or("the run is over")?;
    let mut broker = broker.lock().unwrap_or_else(PoisonError::into_inner);
    match order {
        "restart" => broker.restart().map(|()| "ok".to_owned()),
        "blocked" => broker.block().map(|url| format!("ok {url}")),
        "unblocked" => broker.unblock().map(|()| "ok".to_owned()),
        _ => Err(format!("what is {order:?}?")),
    }
}
