//! Which queues a message reaches.

use std::time::{Duration, Instant};

use amqprs::channel::{
    BasicPublishArguments, ExchangeBindArguments, ExchangeUnbindArguments, QueueBindArguments,
};
use amqprs::{BasicProperties, FieldTable, FieldValue};
use leveret_interop_program::{Proof, same, that};

use crate::headers::table;
use crate::line::Line;
use crate::scene::Scene;

/// So many copies of a message to this exchange with this key arrive in the queue.
async fn arrive(line: &mut Line, to: (&str, &str), queue: &str, copies: u32) -> Proof {
    let (exchange, key) = to;
    line.publish(exchange, key, BasicProperties::default(), b"x").await?;
    same(&format!("copies by the key {key:?}"), line.purge(queue).await?, copies)
}

pub async fn topic(scene: &Scene) -> Proof {
    let patterns: [(&str, &[&str], &[&str]); 5] = [
        ("a.*.c", &["a.b.c", "a..c"], &["a.c", "a.b.b.c", "b.b.c"]),
        ("a.#", &["a", "a.b", "a.b.c"], &["b.a", "ab"]),
        ("#.z", &["z", "a.z", "a.b.z"], &["z.a"]),
        ("#", &["", "a", "a.b"], &[]),
        ("*", &["a"], &["a.b"]),
    ];
    let mut line = scene.line().await?;
    let exchange = scene.exchange(&mut line, "topic").await?;
    for (pattern, right, wrong) in patterns {
        let queue = scene.queue(&mut line).await?;
        line.bind(&queue, &exchange, pattern).await?;
        for key in right {
            arrive(&mut line, (&exchange, key), &queue, 1).await?;
        }
        for key in wrong {
            arrive(&mut line, (&exchange, key), &queue, 0).await?;
        }
    }
    Ok(())
}

pub async fn headers_exchange(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let exchange = scene.exchange(&mut line, "headers").await?;
    let (all, any) = (scene.queue(&mut line).await?, scene.queue(&mut line).await?);
    for (queue, how) in [(&all, "all"), (&any, "any")] {
        let wanted =
            table([("x-match", how.into()), ("kind", "report".into()), ("pages", FieldValue::I(3))])?;
        line.raw.queue_bind(QueueBindArguments::new(queue, &exchange, "").arguments(wanted).finish()).await?;
    }
    let cases: [(FieldTable, (u32, u32)); 5] = [
        (table([("kind", "report".into()), ("pages", FieldValue::I(3)), ("more", true.into())])?, (1, 1)),
        (table([("kind", "report".into())])?, (0, 1)),
        (table([("kind", "letter".into()), ("pages", FieldValue::I(3))])?, (0, 1)),
        (table([("kind", "letter".into())])?, (0, 0)),
        (FieldTable::new(), (0, 0)),
    ];
    for (headers, copies) in cases {
        let what = format!("copies in all and in any, by {headers:?}");
        line.publish(&exchange, "", BasicProperties::default().with_headers(headers).finish(), b"x").await?;
        same(&what, (line.purge(&all).await?, line.purge(&any).await?), copies)?;
    }
    Ok(())
}

pub async fn exchange_to_exchange(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let (source, target) =
        (scene.exchange(&mut line, "topic").await?, scene.exchange(&mut line, "fanout").await?);
    let queue = scene.queue(&mut line).await?;
    line.raw.exchange_bind(ExchangeBindArguments::new(&target, &source, "news.#")).await?;
    line.bind(&queue, &target, "").await?;
    arrive(&mut line, (&source, "news.today"), &queue, 1).await?;
    arrive(&mut line, (&source, "weather"), &queue, 0).await?;
    line.raw.exchange_unbind(ExchangeUnbindArguments::new(&target, &source, "news.#")).await?;
    arrive(&mut line, (&source, "news.today"), &queue, 0).await
}

pub async fn alternate(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let fallback = scene.exchange(&mut line, "fanout").await?;
    let arguments = table([("alternate-exchange", fallback.as_str().into())])?;
    let exchange = scene.exchange_with(&mut line, "direct", arguments).await?;
    let (queue, known) = (scene.queue(&mut line).await?, scene.queue(&mut line).await?);
    line.bind(&queue, &fallback, "").await?;
    line.bind(&known, &exchange, "known").await?;
    arrive(&mut line, (&exchange, "unknown"), &queue, 1).await?;
    arrive(&mut line, (&exchange, "known"), &queue, 0).await
}

pub async fn consistent_hash(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let exchange = scene.exchange(&mut line, "x-consistent-hash").await?;
    let (one, two) = (scene.queue(&mut line).await?, scene.queue(&mut line).await?);
    line.bind(&one, &exchange, "1").await?;
    line.bind(&two, &exchange, "1").await?;
    for number in 0..1000 {
        line.publish(&exchange, &format!("key-{number}"), BasicProperties::default(), b"x").await?;
    }
    let shares = (line.purge(&one).await?, line.purge(&two).await?);
    let spread = shares.0 + shares.1 == 1000 && shares.0 >= 200 && shares.1 >= 200;
    that(spread, format_args!("1000 keys: {shares:?}"))?;
    for _ in 0..50 {
        line.publish(&exchange, "the same", BasicProperties::default(), b"x").await?;
    }
    let shares = (line.purge(&one).await?, line.purge(&two).await?);
    that(matches!(shares, (50, 0) | (0, 50)), format_args!("one key: {shares:?}"))
}

pub async fn delayed(scene: &Scene) -> Proof {
    let mut line = scene.line().await?;
    let kind = table([("x-delayed-type", "direct".into())])?;
    let exchange = scene.exchange_with(&mut line, "x-delayed-message", kind).await?;
    let queue = scene.queue(&mut line).await?;
    line.bind(&queue, &exchange, "key").await?;
    let mut deliveries = line.consume(&queue).await?;
    let started = Instant::now();
    let delay = BasicProperties::default().with_headers(table([("x-delay", FieldValue::I(300))])?).finish();
    line.post(BasicPublishArguments::new(&exchange, "key"), delay, b"later").await?;
    deliveries.next("later").await?;
    // Brokers count whole milliseconds.
    that(started.elapsed() >= Duration::from_millis(299), format_args!("came after {:?}", started.elapsed()))
}
