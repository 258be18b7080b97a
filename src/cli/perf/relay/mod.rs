//! A listener that speaks just enough AMQP to pass every publish straight on to a consumer, and keeps nothing.
//!
//! It stands for the fastest broker there could be: what it reaches is the ceiling of loopback, kernel
//! and load generator together. It knows queues by name, each with one consumer, and the default exchange, answers what
//! clients of `leveret perf` ask, and confirms a publish when it has been handed on. Whatever needs a broker
//! that keeps something it refuses with 540, so that no figure of it stands for what it does not do.
//! Acknowledgements are taken in and mean nothing: nothing is held back for them.

mod outlet;
mod parcel;
mod passage;
mod refusal;
mod session;
mod standing;
mod subscriptions;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

pub use standing::{RelayOptions, stand};

use session::Session;
use subscriptions::Subscriptions;

use super::load::{TICK, is_readable};
use crate::cli::target::Target;

/// The listener and what its clients share.
pub struct Relay {
    listener: TcpListener,
    address: SocketAddr,
    stopped: AtomicBool,
    subscriptions: Subscriptions,
}

impl Relay {
    /// Listens; port 0 picks a free one.
    pub fn listen(at: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(at)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            address,
            stopped: AtomicBool::new(false),
            subscriptions: Subscriptions::default(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients find it.
    pub fn target(&self) -> Target {
        Target {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            user: "guest".to_owned(),
            password: "guest".to_owned(),
            vhost: "/".to_owned(),
        }
    }

    /// Serves clients until [`Relay::stop`], each on a thread of its own.
    pub fn serve(&self) -> io::Result<()> {
        thread::scope(|scope| {
            while !self.stopped.load(Relaxed) {
                if !is_readable(&self.listener, TICK)? {
                    continue;
                }
                match self.listener.accept() {
                    // A client that goes away in the middle of a frame is the end of its run, not of ours.
                    Ok((stream, _)) => drop(scope.spawn(|| self.attend(stream))),
                    // It is gone again already, or this process has no more files: others go on.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
    }

    fn attend(&self, stream: TcpStream) -> io::Result<()> {
        Session::new(&self.subscriptions, stream)?.run(&self.stopped)
    }

    /// Lets no one in any more, and lets those go who are still there.
    pub fn stop(&self) {
        self.stopped.store(true, Relaxed);
    }
}

#[cfg(test)]
mod tests;
