//! Content: properties, header values of every type, and bodies from nothing to many frames.

use lapin::{
    BasicProperties, Channel,
    options::{BasicPublishOptions, QueueDeclareOptions},
    types::{AMQPValue, ByteArray, DecimalValue, FieldArray, FieldTable},
};

use crate::{
    broker::with_broker,
    client::{Outcome, confirming, consume, fresh, get, next, own_queue, publish_with, refusal, table, text},
};

/// The properties with which a message comes back out of a queue.
async fn round_trip(channel: &Channel, properties: BasicProperties) -> Outcome<BasicProperties> {
    let queue = own_queue(channel).await?;
    publish_with(channel, "", queue.as_str(), b"content", properties).await?;
    Ok(get(channel, &queue).await?.properties.clone())
}

/// Bytes in which no frame looks like another.
fn pattern(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}

#[test]
fn all_properties_arrive_as_they_were_sent() {
    with_broker(async |broker| {
        let user = broker.uri().authority.userinfo.username;
        let properties = BasicProperties::default()
            .with_content_type("text/plain; charset=utf-8".into())
            .with_content_encoding("gzip".into())
            .with_headers(table([("origin", text("test"))]))
            .with_delivery_mode(2)
            .with_priority(9)
            .with_correlation_id("correlation".into())
            .with_reply_to("reply".into())
            .with_expiration("60000".into())
            .with_message_id("message".into())
            .with_timestamp(1_700_000_000)
            .with_type("type".into())
            .with_user_id(user.into())
            .with_app_id("application".into())
            .with_cluster_id("cluster".into());
        assert_eq!(round_trip(&broker.channel().await?, properties.clone()).await?, properties);
        Ok(())
    });
}

#[test]
fn properties_not_sent_do_not_arrive() {
    with_broker(async |broker| {
        let none = BasicProperties::default();
        assert_eq!(round_trip(&broker.channel().await?, none.clone()).await?, none);
        Ok(())
    });
}

#[test]
fn empty_and_zero_properties_are_not_absent_ones() {
    with_broker(async |broker| {
        let properties = BasicProperties::default()
            .with_content_type("".into())
            .with_headers(FieldTable::default())
            .with_delivery_mode(0)
            .with_priority(0)
            .with_correlation_id("".into())
            .with_timestamp(0);
        assert_eq!(round_trip(&broker.channel().await?, properties.clone()).await?, properties);
        Ok(())
    });
}

#[test]
fn headers_of_every_type_arrive_as_they_were_sent() {
    with_broker(async |broker| {
        let array = FieldArray::from(vec![
            text("element"),
            AMQPValue::LongLongInt(i64::MIN),
            AMQPValue::FieldArray(FieldArray::default()),
            AMQPValue::Void,
        ]);
        let headers = table([
            ("bool", AMQPValue::Boolean(true)),
            ("i8", AMQPValue::ShortShortInt(i8::MIN)),
            ("u8", AMQPValue::ShortShortUInt(u8::MAX)),
            ("i16", AMQPValue::ShortInt(i16::MIN)),
            ("u16", AMQPValue::ShortUInt(u16::MAX)),
            ("i32", AMQPValue::LongInt(i32::MIN)),
            ("u32", AMQPValue::LongUInt(u32::MAX)),
            ("i64", AMQPValue::LongLongInt(i64::MAX)),
            ("f32", AMQPValue::Float(-1.5)),
            ("f64", AMQPValue::Double(std::f64::consts::PI)),
            ("decimal", AMQPValue::DecimalValue(DecimalValue { scale: 2, value: 314 })),
            ("string", text("žluťoučký kůň")),
            ("empty string", text("")),
            ("not text", AMQPValue::LongString(vec![0xFF, 0x00, 0xFE].into())),
            ("bytes", AMQPValue::ByteArray(ByteArray::from(vec![0, 1, 2, 0xCE]))),
            ("array", AMQPValue::FieldArray(array)),
            ("timestamp", AMQPValue::Timestamp(1_700_000_000)),
            ("table", AMQPValue::FieldTable(table([("inner", table([("x", text("y"))]).into())]))),
            ("void", AMQPValue::Void),
            ("", text("a key of no length")),
        ]);
        let properties = BasicProperties::default().with_headers(headers);
        assert_eq!(round_trip(&broker.channel().await?, properties.clone()).await?, properties);
        Ok(())
    });
}

#[test]
fn an_empty_body_is_delivered_and_got() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        for _ in 0..2 {
            publish_with(&channel, "", queue.as_str(), b"", BasicProperties::default()).await?;
        }
        assert_eq!(get(&channel, &queue).await?.data, b"");
        let mut consumer = consume(&channel, &queue).await?;
        assert_eq!(next(&mut consumer).await?.data, b"");
        Ok(())
    });
}

#[test]
fn bodies_around_the_size_of_a_frame_arrive_whole() {
    with_broker(async |broker| {
        let mut uri = broker.uri();
        uri.query.frame_max = Some(8192);
        let small = broker.connect_to(uri).await?;
        assert_eq!(small.configuration().frame_max(), 8192);
        let (from, to) = (confirming(&small).await?, broker.channel().await?);
        // Cut differently on the way in and on the way out, in both directions.
        for (publisher, receiver) in [(&from, &to), (&to, &from)] {
            let queue = fresh("frames");
            let options = QueueDeclareOptions::default().auto_delete();
            receiver.queue_declare(queue.clone(), options, FieldTable::default()).await?;
            let mut consumer = consume(receiver, &queue).await?;
            for length in [1, 8183, 8184, 8185, 16_368, 16_369, 131_064, 131_065, 300_000] {
                let body = pattern(length);
                publish_with(publisher, "", queue.as_str(), &body, BasicProperties::default()).await?;
                assert!(next(&mut consumer).await?.data == body, "a body of {length} bytes came otherwise");
            }
        }
        Ok(())
    });
}

#[test]
fn ten_megabytes_arrive_whole() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let queue = own_queue(&channel).await?;
        let body = pattern(10 * 1024 * 1024);
        let confirmation =
            publish_with(&channel, "", queue.as_str(), &body, BasicProperties::default()).await?;
        assert!(confirmation.is_ack());
        let mut consumer = consume(&channel, &queue).await?;
        let delivery = next(&mut consumer).await?;
        assert_eq!(delivery.data.len(), body.len());
        assert!(delivery.data == body, "the body came with other bytes");
        Ok(())
    });
}

#[test]
fn big_and_small_messages_of_two_channels_do_not_mix() {
    with_broker(async |broker| {
        let connection = broker.connect().await?;
        let (bulk, chat) = (confirming(&connection).await?, confirming(&connection).await?);
        let (heavy, light) = (own_queue(&bulk).await?, own_queue(&chat).await?);
        let (mut heavies, mut lights) = (consume(&bulk, &heavy).await?, consume(&chat, &light).await?);
        let body = pattern(1_000_000);
        for number in 0..10_u8 {
            publish_with(&bulk, "", heavy.as_str(), &body, BasicProperties::default()).await?;
            publish_with(&chat, "", light.as_str(), &[number], BasicProperties::default()).await?;
        }
        for number in 0..10_u8 {
            assert_eq!(next(&mut lights).await?.data, [number]);
            assert!(next(&mut heavies).await?.data == body, "the body came with other bytes");
        }
        Ok(())
    });
}

#[test]
fn a_foreign_user_id_is_406() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let user = broker.uri().authority.userinfo.username;
        let properties = BasicProperties::default().with_user_id("somebody".into());
        let confirm = channel
            .basic_publish("".into(), "q".into(), BasicPublishOptions::default(), b"not me", properties)
            .await?
            .await;
        let text = format!(
            "PRECONDITION_FAILED - user_id property set to 'somebody' but authenticated user was '{user}'"
        );
        assert_eq!(refusal(confirm)?, (406, text));
        Ok(())
    });
}

#[test]
fn an_expiration_that_is_no_number_is_406() {
    with_broker(async |broker| {
        let channel = broker.channel().await?;
        let properties = BasicProperties::default().with_expiration("soon".into());
        let confirm = channel
            .basic_publish("".into(), "q".into(), BasicPublishOptions::default(), b"x", properties)
            .await?
            .await;
        let text = "PRECONDITION_FAILED - invalid expiration 'soon': no_integer".to_owned();
        assert_eq!(refusal(confirm)?, (406, text));
        Ok(())
    });
}
