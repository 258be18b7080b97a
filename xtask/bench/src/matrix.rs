//! The matrix: every case, what is run for it, and what is asked.

use crate::Outcome;
use crate::case::Bound::{AtLeast, AtMost};
use crate::case::Over::{self, One};
use crate::case::Party::{self, Leveret, Peers, Relay};
use crate::case::{Bound, Case, Goal, Run, Work};
use crate::figure::Figure;

const ALL: &[Party] = &[Leveret, Relay, Peers];
const BROKERS: &[Party] = &[Leveret, Peers];
const OWN: &[Party] = &[Leveret];

/// The run of a case that has one.
const ONLY: &str = "1 → 1";

const SIXTEEN: &str = "--size 16 --auto-ack";
const KIBIBYTE: &str = "--size 1024 --auto-ack";
const LATENCY: &str = "latency --rate 5000 --size 100 --auto-ack";
const FILL: &str = "backlog --fill-only --messages 1000000 --persistent --confirm-window 1000 --size 1024";
const MEBIBYTE: f64 = 1_048_576.0;

/// As many times as much may cost as much again by half, so that the rate falls to two thirds.
const GROWTH: Bound = AtLeast(0.667);

const fn run(label: &'static str, parties: &'static [Party], load: &'static str) -> Run {
    Run { label, parties, work: Work::Load(load) }
}

const fn rate(run: &'static str, over: Over, bound: Bound) -> Goal {
    Goal { run, figure: Figure::Rate, over, bound }
}

const fn than(party: Party, bound: f64) -> Goal {
    rate(ONLY, Over::Party(party), AtLeast(bound))
}

const fn plain(run: &'static str, figure: Figure, bound: Bound) -> Goal {
    Goal { run, figure, over: One, bound }
}

/// In the order in which they are run and written.
pub const CASES: &[Case] = &[
    Case {
        name: "16b",
        title: "16 B, transient, auto-ack",
        runs: &[run(ONLY, ALL, SIXTEEN)],
        goals: &[than(Relay, 0.25), than(Peers, 30.0)],
    },
    Case {
        name: "1k",
        title: "1 KiB, transient, auto-ack",
        runs: &[run(ONLY, ALL, KIBIBYTE)],
        goals: &[than(Relay, 0.6), than(Peers, 15.0)],
    },
    Case {
        name: "64k",
        title: "64 KiB, transient, auto-ack",
        runs: &[run(ONLY, ALL, "--size 65536 --auto-ack")],
        goals: &[than(Relay, 0.7)],
    },
    Case {
        name: "acks",
        title: "1 KiB, every message acknowledged by itself, prefetch 100",
        runs: &[run(ONLY, BROKERS, "--size 1024 --ack-every 1 --prefetch 100")],
        goals: &[than(Peers, 12.0)],
    },
    Case {
        name: "persistent",
        title: "1 KiB, persistent, synced, confirm window 1000, acknowledged by the hundred",
        runs: &[run(
            ONLY,
            BROKERS,
            "--size 1024 --persistent --confirm-window 1000 --ack-every 100 --prefetch 1000",
        )],
        goals: &[than(Peers, 10.0)],
    },
    Case {
        name: "many",
        title: "16 B, several producers and consumers",
        runs: &[
            run(ONLY, BROKERS, SIXTEEN),
            run("4 → 4 on 4 queues", BROKERS, "--size 16 --auto-ack --producers 4 --consumers 4 --queues 4"),
            run("8 → 1", BROKERS, "--size 16 --auto-ack --producers 8"),
            run("1 → 8", BROKERS, "--size 16 --auto-ack --consumers 8"),
        ],
        goals: &[
            rate("4 → 4 on 4 queues", Over::Run(ONLY), AtLeast(1.0)),
            rate("8 → 1", Over::Run(ONLY), AtLeast(1.0)),
            rate("1 → 8", Over::Run(ONLY), AtLeast(1.0)),
        ],
    },
    Case {
        name: "routing",
        title: "16 B through exchanges, deliveries",
        runs: &[
            run(ONLY, BROKERS, SIXTEEN),
            run("fanout to 50 queues", BROKERS, "--size 16 --auto-ack --fan-out --queues 50 --consumers 1"),
            run("topic, 10 others", OWN, TOPIC_10),
            run("topic, 10 000 others", OWN, TOPIC_10_000),
        ],
        goals: &[
            rate("fanout to 50 queues", Over::Run(ONLY), AtLeast(1.0)),
            rate("topic, 10 000 others", Over::Run(ONLY), AtLeast(1.0)),
            rate("topic, 10 000 others", Over::Run("topic, 10 others"), AtLeast(0.9)),
        ],
    },
    LATENCIES,
    CONNECTIONS,
    QUEUES,
    Case {
        name: "churn",
        title: "connect, open a channel, publish, close: in a loop",
        runs: &[run("one client", BROKERS, "churn --what publish")],
        goals: &[Goal {
            run: "one client",
            figure: Figure::Cycles,
            over: Over::Party(Peers),
            bound: AtLeast(10.0),
        }],
    },
    Case {
        name: "start",
        title: "a start on an empty data directory",
        runs: &[Run { label: "start", parties: OWN, work: Work::Starts(10) }],
        goals: &[
            plain("start", Figure::Ready, AtMost(30.0)),
            plain("start", Figure::Resident, AtMost(10.0 * MEBIBYTE)),
        ],
    },
    GROWING,
    CORES,
];

const TOPIC_10: &str = "--size 16 --auto-ack --exchange-type topic --bindings 10";
const TOPIC_10_000: &str = "--size 16 --auto-ack --exchange-type topic --bindings 10000";

const LATENCIES: Case = Case {
    name: "latency",
    title: "100 B at 5,000/s, from publish to delivery",
    runs: &[
        run("alone", ALL, LATENCY),
        Run {
            label: "beside a growing backlog and churn",
            parties: OWN,
            work: Work::Beside { load: LATENCY, others: &[FILL, "churn --what queues"] },
        },
    ],
    goals: &[
        Goal { run: "alone", figure: Figure::P50, over: Over::Party(Relay), bound: AtMost(1.3) },
        Goal { run: "alone", figure: Figure::P99, over: Over::Party(Relay), bound: AtMost(3.0) },
        plain("beside a growing backlog and churn", Figure::P99, AtMost(5000.0)),
    ],
};

const BUSY: &str = "--size 16 --auto-ack --producers 10 --consumers 10 --queues 10";

const CONNECTIONS: Case = Case {
    name: "connections",
    title: "10,000 connections with a channel each",
    runs: &[
        run("idle", OWN, "count --connections 10000 --broker-pid PID"),
        run("20 busy alone", OWN, BUSY),
        Run {
            label: "20 busy among 10 000 idle",
            parties: OWN,
            work: Work::Crowded { load: BUSY, connections: 10_000 },
        },
    ],
    goals: &[
        plain("idle", Figure::BytesEach, AtMost(10_240.0)),
        rate("20 busy among 10 000 idle", Over::Run("20 busy alone"), AtLeast(0.9)),
    ],
};

const QUEUES: Case = Case {
    name: "queues",
    title: "100,000 transient queues",
    runs: &[run("idle", OWN, "count --queues 100000 --broker-pid PID")],
    goals: &[plain("idle", Figure::BytesEach, AtMost(1024.0))],
};

const GROWING: Case = Case {
    name: "growth",
    title: "16 B, ten times and more of everything",
    runs: &[
        run("10 queues", OWN, "--size 16 --auto-ack --queues 10"),
        run("100 queues", OWN, "--size 16 --auto-ack --queues 100"),
        run("100 bindings", OWN, "--size 16 --auto-ack --exchange-type direct --bindings 100"),
        run("10 000 bindings", OWN, "--size 16 --auto-ack --exchange-type direct --bindings 10000"),
        run("10 connections", OWN, "--size 16 --auto-ack --producers 5 --consumers 5 --queues 50"),
        run("100 connections", OWN, "--size 16 --auto-ack --producers 50 --consumers 50 --queues 50"),
    ],
    goals: &[
        rate("100 queues", Over::Run("10 queues"), GROWTH),
        rate("10 000 bindings", Over::Run("100 bindings"), GROWTH),
        rate("100 connections", Over::Run("10 connections"), GROWTH),
        cost("100 queues", "10 queues"),
        cost("10 000 bindings", "100 bindings"),
        cost("100 connections", "10 connections"),
    ],
};

const fn cost(run: &'static str, over: &'static str) -> Goal {
    Goal { run, figure: Figure::ProcessorPerMessage, over: Over::Run(over), bound: AtMost(1.5) }
}

const FOUR: &str = "--size 16 --auto-ack --producers 4 --consumers 4 --queues 4";

/// The generator has the other core, or shares both: with more cores, it would get its own.
const CORES: Case = Case {
    name: "cores",
    title: "16 B, the broker on one core and on two",
    runs: &[
        pinned("1 → 1, one core", SIXTEEN, &[0]),
        pinned("1 → 1, two cores", SIXTEEN, &[0, 1]),
        pinned("4 → 4, one core", FOUR, &[0]),
        pinned("4 → 4, two cores", FOUR, &[0, 1]),
    ],
    goals: &[],
};

const fn pinned(label: &'static str, load: &'static str, broker: &'static [usize]) -> Run {
    let generator: &[usize] = if broker.len() == 1 { &[1] } else { &[] };
    Run { label, parties: OWN, work: Work::Pinned { load, broker, generator } }
}

/// A case by its name.
pub fn find(name: &str) -> Outcome<&'static Case> {
    let names = || CASES.iter().map(|case| case.name).collect::<Vec<_>>().join(", ");
    let case = CASES.iter().find(|case| case.name == name);
    Ok(case.ok_or_else(|| format!("`{name}` is none of the cases {}", names()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(case: &Case) -> Vec<&str> {
        case.runs.iter().map(|run| run.label).collect()
    }

    #[test]
    fn names_of_cases_and_labels_of_runs_are_unique() {
        let unique = |mut names: Vec<&str>| {
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            names.len() == all
        };
        assert!(unique(CASES.iter().map(|case| case.name).collect()));
        for case in CASES {
            assert!(unique(labels(case)), "{}", case.name);
        }
    }

    #[test]
    fn every_goal_asks_for_what_is_run() {
        for case in CASES {
            for goal in case.goals {
                let run = case.runs.iter().find(|run| run.label == goal.run).expect(case.name);
                match goal.over {
                    One => {}
                    Over::Party(party) => assert!(run.parties.contains(&party), "{}", case.name),
                    Over::Run(other) => assert!(labels(case).contains(&other), "{}", case.name),
                }
            }
        }
    }
}
