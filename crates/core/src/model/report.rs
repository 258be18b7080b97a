//! Messages of the broker's own: copies of what passes (`trace`) and news of what has happened.
//!
//! Invariant: a report is nobody's publish. No permission is asked for, nobody waits for the log to have it or for a
//! queue to take it, and it is no cause of another report.

use leveret_routing::{Matched, Routed};

use crate::effect::Effects;
use crate::model::queue::Arrival;
use crate::model::{Intake, Message, Recent, Vhost};
use crate::time::Timestamp;

impl Vhost {
    /// Publishes a report to the exchange that it names, if that is there.
    pub fn publish_report(
        &self,
        now: Timestamp,
        message: Message,
        (intake, effects): (&mut Intake, &mut Effects),
    ) {
        let mut matched = Matched::new();
        let routed = Routed { keys: &[message.routing_key()], properties: message.properties() };
        if self.routes().route(message.exchange(), routed, &mut matched).is_err() {
            return;
        }
        let arrival = Arrival { message, expiration: None };
        if !matched.recent().is_empty() {
            self.remember(matched.recent(), Recent { arrival: arrival.clone(), more_keys: Vec::new() });
        }
        if !matched.is_empty() {
            // A full queue that refuses it loses it: nobody waits for an answer.
            let _ = intake.publish(now, matched.as_slice(), arrival, effects);
        }
    }
}
