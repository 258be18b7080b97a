//! Very many empty durable queues: what they take, and how long the next start takes.

use std::time::Instant;

use crate::Outcome;
use crate::client::Client;
use crate::machine::rate;
use crate::server::{DataDir, Server};
use crate::table::{Mebibytes, Table};

const QUEUES: u32 = 100_000;

pub fn measure(_: u64, table: &mut Table) -> Outcome<()> {
    let data_dir = DataDir::new()?;
    let server = Server::start(&data_dir)?;
    let mut client = Client::connect(server.address)?;
    let names: Vec<String> = (0..QUEUES).map(|number| format!("queue number {number}")).collect();
    let started = Instant::now();
    client.declare(&names)?;
    table.note(
        "declares of durable queues, pipelined, a second",
        format!("{:.0}", rate(QUEUES.into(), started.elapsed())),
    );
    table.limit(
        "resident memory with 100 000 empty durable queues",
        Mebibytes(server.memory("VmRSS")?),
        "under 200 MiB",
    );
    table.note("on the disk with them", Mebibytes(data_dir.disk_bytes()?));
    server.kill()?;
    let server = Server::start(&data_dir)?;
    table.limit(
        "ready after a kill with them",
        format!("{:.3} s", server.ready_after.as_secs_f64()),
        "under 3 s",
    );
    table.limit("resident memory after it", Mebibytes(server.memory("VmRSS")?), "under 200 MiB");
    Ok(())
}
