//! Which queues a message reaches.

use std::time::{Duration, Instant};

use lapin::options::{ExchangeBindOptions, ExchangeUnbindOptions, QueueBindOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};
use leveret_interop_program::{Proof, same, that};

use crate::headers::{table, text};
use crate::scene::Scene;
use crate::words::{bind, consume, next, post, publish, purge};

/// So many copies of a message to this exchange with this key arrive in the queue.
async fn arrive(channel: &Channel, to: (&str, &str), queue: &str, copies: u32) -> Proof {
    publish(channel, to, BasicProperties::default(), b"x").await?;
    same(&format!("copies by the key {:?}", to.1), purge(channel, queue).await?, copies)
}

pub async fn topic(scene: &Scene) -> Proof {
    let patterns: [(&str, &[&str], &[&str]); 5] = [
        ("a.*.c", &["a.b.c", "a..c"], &["a.c", "a.b.b.c", "b.b.c"]),
        ("a.#", &["a", "a.b", "a.b.c"], &["b.a", "ab"]),
        ("#.z", &["z", "a.z", "a.b.z"], &["z.a"]),
        ("#", &["", "a", "a.b"], &[]),
        ("*", &["a"], &["a.b"]),
    ];
    let channel = scene.channel().await?;
    let exchange = scene.exchange(&channel, "topic").await?;
    for (pattern, right, wrong) in patterns {
        let queue = scene.queue(&channel).await?;
        bind(&channel, &queue, &exchange, pattern).await?;
        for key in right {
            arrive(&channel, (&exchange, key), &queue, 1).await?;
        }
        for key in wrong {
            arrive(&channel, (&exchange, key), &queue, 0).await?;
        }
    }
    Ok(())
}

pub async fn headers_exchange(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let exchange = scene.exchange(&channel, "headers").await?;
    let (all, any) = (scene.queue(&channel).await?, scene.queue(&channel).await?);
    let pages = AMQPValue::LongInt(3);
    for (queue, how) in [(&all, "all"), (&any, "any")] {
        let wanted = table([("x-match", text(how)), ("kind", text("report")), ("pages", pages.clone())]);
        let (queue, exchange) = (queue.as_str().into(), exchange.as_str().into());
        channel.queue_bind(queue, exchange, "".into(), QueueBindOptions::default(), wanted).await?;
    }
    let cases = [
        (table([("kind", text("report")), ("pages", pages.clone()), ("more", text("yes"))]), (1, 1)),
        (table([("kind", text("report"))]), (0, 1)),
        (table([("kind", text("letter")), ("pages", pages)]), (0, 1)),
        (table([("kind", text("letter"))]), (0, 0)),
        (FieldTable::default(), (0, 0)),
    ];
    for (headers, copies) in cases {
        let what = format!("copies in all and in any, by {headers:?}");
        publish(&channel, (&exchange, ""), BasicProperties::default().with_headers(headers), b"x").await?;
        same(&what, (purge(&channel, &all).await?, purge(&channel, &any).await?), copies)?;
    }
    Ok(())
}

pub async fn exchange_to_exchange(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let (source, target) =
        (scene.exchange(&channel, "topic").await?, scene.exchange(&channel, "fanout").await?);
    let queue = scene.queue(&channel).await?;
    let ends = || (target.as_str().into(), source.as_str().into(), "news.#".into());
    let (to, from, key) = ends();
    channel.exchange_bind(to, from, key, ExchangeBindOptions::default(), FieldTable::default()).await?;
    bind(&channel, &queue, &target, "").await?;
    arrive(&channel, (&source, "news.today"), &queue, 1).await?;
    arrive(&channel, (&source, "weather"), &queue, 0).await?;
    let (to, from, key) = ends();
    channel.exchange_unbind(to, from, key, ExchangeUnbindOptions::default(), FieldTable::default()).await?;
    arrive(&channel, (&source, "news.today"), &queue, 0).await
}

pub async fn alternate(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let fallback = scene.exchange(&channel, "fanout").await?;
    let arguments = table([("alternate-exchange", text(&fallback))]);
    let exchange = scene.exchange_with(&channel, "direct", arguments).await?;
    let (queue, known) = (scene.queue(&channel).await?, scene.queue(&channel).await?);
    bind(&channel, &queue, &fallback, "").await?;
    bind(&channel, &known, &exchange, "known").await?;
    arrive(&channel, (&exchange, "unknown"), &queue, 1).await?;
    arrive(&channel, (&exchange, "known"), &queue, 0).await
}

pub async fn consistent_hash(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let exchange = scene.exchange(&channel, "x-consistent-hash").await?;
    let (one, two) = (scene.queue(&channel).await?, scene.queue(&channel).await?);
    bind(&channel, &one, &exchange, "1").await?;
    bind(&channel, &two, &exchange, "1").await?;
    for number in 0..1000 {
        publish(&channel, (&exchange, &format!("key-{number}")), BasicProperties::default(), b"x").await?;
    }
    let shares = (purge(&channel, &one).await?, purge(&channel, &two).await?);
    let spread = shares.0 + shares.1 == 1000 && shares.0 >= 200 && shares.1 >= 200;
    that(spread, format_args!("1000 keys: {shares:?}"))?;
    for _ in 0..50 {
        publish(&channel, (&exchange, "the same"), BasicProperties::default(), b"x").await?;
    }
    let shares = (purge(&channel, &one).await?, purge(&channel, &two).await?);
    that(matches!(shares, (50, 0) | (0, 50)), format_args!("one key: {shares:?}"))
}

pub async fn delayed(scene: &Scene) -> Proof {
    let channel = scene.channel().await?;
    let kind = table([("x-delayed-type", text("direct"))]);
    let exchange = scene.exchange_with(&channel, "x-delayed-message", kind).await?;
    let queue = scene.queue(&channel).await?;
    bind(&channel, &queue, &exchange, "key").await?;
    let mut consumer = consume(&channel, &queue).await?;
    let started = Instant::now();
    let delay = table([("x-delay", AMQPValue::LongInt(300))]);
    post(&channel, (&exchange, "key"), BasicProperties::default().with_headers(delay), b"later").await?;
    next(&mut consumer, "later").await?;
    // Brokers count whole milliseconds.
    that(started.elapsed() >= Duration::from_millis(299), format_args!("came after {:?}", started.elapsed()))
}
