//! Random conversations: what must hold whatever clients do, and however their bytes arrive.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::stage::{Reads, Stage};

const CLIENTS: usize = 3;
const QUEUES: [&str; 2] = ["q", "r"];

/// What one client does next.
#[derive(Clone, Debug)]
enum Step {
    Publish { queue: usize, count: usize },
    Consume { queue: usize, prefetch: usize },
    Cancel { tag: usize },
    Get { queue: usize },
    Settle { tag: usize, how: &'static str },
    Recover,
    CloseChannel,
    Lose,
    Stall,
    Resume,
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let queue = || 0..QUEUES.len();
    let how = prop::sample::select(vec![
        "ack",
        "ack multiple",
        "nack",
        "nack requeue",
        "nack multiple requeue",
        "reject requeue",
    ]);
    let step = prop_oneof![
        6 => (queue(), 1..4_usize).prop_map(|(queue, count)| Step::Publish { queue, count }),
        3 => (queue(), 0..3_usize).prop_map(|(queue, prefetch)| Step::Consume { queue, prefetch }),
        1 => any::<usize>().prop_map(|tag| Step::Cancel { tag }),
        2 => queue().prop_map(|queue| Step::Get { queue }),
        8 => (any::<usize>(), how).prop_map(|(tag, how)| Step::Settle { tag, how }),
        1 => Just(Step::Recover),
        1 => Just(Step::CloseChannel),
        1 => Just(Step::Lose),
        1 => Just(Step::Stall),
        2 => Just(Step::Resume),
    ];
    (0..CLIENTS, step)
}

/// A client and what it holds, by delivery tag.
#[derive(Default)]
struct Client {
    connections: usize,
    consumers: usize,
    held: BTreeMap<u64, u64>,
}

/// Three clients and somebody who keeps the books.
struct Books {
    stage: Stage,
    clients: Vec<Client>,
    published: u64,
    queue_of: Vec<usize>,
    seen: BTreeSet<u64>,
    settled: BTreeSet<u64>,
}

impl Books {
    fn new() -> Self {
        let mut stage = Stage::new(Reads::Whole);
        for queue in QUEUES {
            stage.say("host", 1, &[format!("queue.declare {queue}")], true);
        }
        stage.take_heard();
        let clients = (0..CLIENTS).map(|_| Client::default()).collect();
        Self {
            stage,
            clients,
            published: 0,
            queue_of: vec![],
            seen: BTreeSet::new(),
            settled: BTreeSet::new(),
        }
    }

    fn name(&self, client: usize) -> String {
        format!("c{client}-{}", self.clients[client].connections)
    }

    fn say(&mut self, client: usize, commands: &[String]) {
        let name = self.name(client);
        self.stage.say(&name, 1, commands, true);
        self.listen();
    }

    /// Enters what was heard into the books.
    fn listen(&mut self) {
        for line in self.stage.take_heard() {
            let (who, what) = line.split_once(" < ").unwrap();
            let words: Vec<&str> = what.split(' ').collect();
            let [kind @ ("deliver" | "get-ok"), rest @ ..] = words.as_slice() else { continue };
            let rest = if *kind == "deliver" { &rest[1..] } else { rest };
            let [tag, _, queue, body, flags @ ..] = rest else { panic!("{line}") };
            let number: u64 = body.parse().unwrap();
            assert_eq!(*queue, QUEUES[self.queue_of[usize::try_from(number).unwrap()]], "{line}");
            assert!(!self.settled.contains(&number), "settled, and here again: {line}");
            let holders =
                self.clients.iter().filter(|client| client.held.values().any(|held| *held == number));
            assert_eq!(holders.count(), 0, "held by somebody: {line}");
            let seen_before = !self.seen.insert(number);
            assert_eq!(flags.contains(&"redelivered"), seen_before, "{line}");
            if let Some(client) = (0..CLIENTS).find(|client| who == format!("{}.1", self.name(*client))) {
                let tag: u64 = tag[1..].parse().unwrap();
                let highest = self.clients[client].held.insert(tag, number);
                assert!(highest.is_none(), "a tag is new: {line}");
            }
        }
    }

    fn play(&mut self, client: usize, step: &Step) {
        match step {
            Step::Publish { queue, count } => {
                let publish = |number: u64| format!("publish '' {} {number}", QUEUES[*queue]);
                let commands: Vec<String> =
                    (0..*count as u64).map(|more| publish(self.published + more)).collect();
                self.published += *count as u64;
                self.queue_of.extend(std::iter::repeat_n(*queue, *count));
                self.say(client, &commands);
            }
            Step::Consume { queue, prefetch } => {
                let tag = self.clients[client].consumers;
                self.clients[client].consumers += 1;
                self.say(client, &[format!("qos {prefetch}"), format!("consume {} t{tag}", QUEUES[*queue])]);
            }
            Step::Cancel { tag } => {
                let tag = tag % self.clients[client].consumers.max(1);
                self.say(client, &[format!("cancel t{tag}")]);
            }
            Step::Get { queue } => self.say(client, &[format!("get {}", QUEUES[*queue])]),
            Step::Settle { tag, how } => self.settle(client, *tag, how),
            Step::Recover => {
                self.clients[client].held.clear();
                self.say(client, &["recover requeue".to_owned()]);
            }
            Step::CloseChannel => {
                self.clients[client].held.clear();
                self.clients[client].consumers = 0;
                self.say(client, &["channel.close".to_owned(), "channel.open".to_owned()]);
            }
            Step::Lose => {
                // Connected, so that there is something to lose.
                self.say(client, &["qos 0".to_owned()]);
                let name = self.name(client);
                let connections = self.clients[client].connections + 1;
                self.clients[client] = Client { connections, ..Client::default() };
                self.stage.lose(&name);
                self.listen();
            }
            Step::Stall | Step::Resume => {
                self.say(client, &["qos 0".to_owned()]);
                let name = self.name(client);
                self.stage.stall(&name, matches!(step, Step::Stall));
                self.listen();
            }
        }
    }

    fn settle(&mut self, client: usize, tag: usize, how: &str) {
        let held = &mut self.clients[client].held;
        let Some(tag) = held.keys().copied().nth(tag % held.len().max(1)) else { return };
        let numbers: Vec<u64> = if how.contains("multiple") {
            let above = held.split_off(&(tag + 1));
            std::mem::replace(held, above).into_values().collect()
        } else {
            held.remove(&tag).into_iter().collect()
        };
        if !how.contains("requeue") {
            self.settled.extend(numbers);
        }
        let (verb, flags) = how.split_once(' ').unwrap_or((how, ""));
        self.say(client, &[format!("{verb} {tag} {flags}")]);
    }

    /// Everybody leaves; then all that was not settled must be there, in order.
    fn close(mut self) {
        for client in 0..CLIENTS {
            self.play(client, &Step::Lose);
        }
        for (queue, name) in QUEUES.iter().enumerate() {
            let before = self.seen.clone();
            let left: Vec<u64> = (0..self.published)
                .filter(|number| self.queue_of[usize::try_from(*number).unwrap()] == queue)
                .filter(|number| !self.settled.contains(number))
                .collect();
            for (tag, number) in left.iter().enumerate() {
                self.stage.say("host", 1, &[format!("get {name} no-ack")], true);
                let heard = self.stage.take_heard();
                let redelivered = if before.contains(number) { " redelivered" } else { "" };
                let expected = format!("'' {name} {number} left={}{redelivered}", left.len() - tag - 1);
                assert!(
                    heard.len() == 1 && heard[0].ends_with(&expected),
                    "{heard:?}, but {expected} was left"
                );
            }
            self.stage.say("host", 1, &[format!("get {name}")], true);
            assert_eq!(self.stage.take_heard(), ["host.1 < get-empty"]);
        }
    }
}

fn pipelined() -> impl Strategy<Value = String> {
    let queue = || prop::sample::select(QUEUES.to_vec());
    prop_oneof![
        4 => (queue(), "[a-z]{1,3}", any::<bool>()).prop_map(|(queue, body, mandatory)| {
            format!("publish '' {queue} {body}{}", if mandatory { " mandatory" } else { "" })
        }),
        1 => (queue(), "[a-z]{1,3}").prop_map(|(key, body)| format!("publish amq.topic {key}.x {body} mandatory")),
        1 => queue().prop_map(|queue| format!("queue.bind {queue} amq.topic {queue}.*")),
        1 => queue().prop_map(|queue| format!("queue.unbind {queue} amq.topic {queue}.*")),
        2 => queue().prop_map(|queue| format!("queue.declare {queue}")),
        1 => queue().prop_map(|queue| format!("queue.purge {queue}")),
        1 => queue().prop_map(|queue| format!("queue.delete {queue} if-empty")),
        4 => (queue(), any::<bool>()).prop_map(|(queue, no_ack)| format!("get {queue}{}", if no_ack { " no-ack" } else { "" })),
        3 => (1..6_u64, any::<bool>()).prop_map(|(tag, multiple)| format!("ack {tag}{}", if multiple { " multiple" } else { "" })),
        2 => (1..6_u64, any::<bool>()).prop_map(|(tag, multiple)| {
            format!("nack {tag} requeue{}", if multiple { " multiple" } else { "" })
        }),
        1 => Just("recover requeue".to_owned()),
        1 => Just("tx.select".to_owned()),
        1 => Just("tx.commit".to_owned()),
        1 => Just("tx.rollback".to_owned()),
        1 => Just("channel.close".to_owned()),
        1 => Just("channel.close-ok".to_owned()),
        1 => Just("channel.open".to_owned()),
    ]
}

fn answers(commands: &[String], reads: Reads, together: bool) -> Vec<String> {
    let mut stage = Stage::new(reads);
    let first: Vec<String> = QUEUES.iter().map(|queue| format!("queue.declare {queue}")).collect();
    stage.say("a", 1, &first, true);
    let size = if together { commands.len() } else { 1 };
    for commands in commands.chunks(size.max(1)) {
        stage.say("a", 1, commands, false);
    }
    stage.take_heard()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Consumers that come and go, lose their connections, stall and refuse: nothing is lost, nothing is held
    /// twice, nothing comes again without saying so, and what is left is in order.
    #[test]
    fn no_message_is_lost_doubled_or_out_of_order(steps in vec(step(), 1..80)) {
        let mut books = Books::new();
        for (client, step) in &steps {
            books.play(*client, step);
        }
        books.close();
    }

    /// One by one, all in one read, or byte by byte.
    #[test]
    fn it_makes_no_difference_how_methods_arrive(commands in vec(pipelined(), 1..30)) {
        let one_by_one = answers(&commands, Reads::Whole, false);
        prop_assert_eq!(&answers(&commands, Reads::Whole, true), &one_by_one);
        prop_assert_eq!(&answers(&commands, Reads::Torn, true), &one_by_one);
    }
}
