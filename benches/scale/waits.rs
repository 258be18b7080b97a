//! One message, one confirm, one at a time: how long a publisher waits, against a sync of its machine.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::client::Client;
use crate::machine::{median, sync_latency};
use crate::server::{DataDir, Server};
use crate::table::Table;

const QUEUE: &str = "waits";
const COUNT: usize = 2000;

pub fn measure(_: u64, table: &mut Table) -> Outcome<()> {
    let data_dir = DataDir::new()?;
    let server = Server::start(&data_dir)?;
    let mut client = Client::connect(server.address)?;
    client.declare(&[QUEUE.to_owned()])?;
    let mut publisher = client.publisher()?;
    let mut times = Vec::with_capacity(COUNT);
    let before = sync_latency(COUNT)?;
    for _ in 0..COUNT {
        let started = Instant::now();
        publisher.publish(QUEUE, 1, 1)?;
        times.push(started.elapsed());
    }
    // The disk of a shared machine has moods: its word is taken before and after.
    let sync = (before + sync_latency(COUNT)?) / 2;
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let name = "one publish until its confirm, against a write and fdatasync (median, µs)";
    table.ratio(name, (micros(median(&mut times)), micros(sync)), "2 or less");
    let slowest = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
    table.note("the slowest of a hundred of them (µs)", format!("{:.0}", micros(slowest)));
    Ok(())
}
