package leveret.matrix.java;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.BuiltinExchangeType;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.GetResponse;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import leveret.matrix.harness.Check;

/** What happens to messages that wait too long or are given up: time to live and dead letters. */
final class Expiry {
    private Expiry() {}

    static void messageTtl(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String dead = stage.queue(channel);
        String queue = stage.queue(channel, deadLettersTo(dead));
        Stage.send(channel, "", queue, new BasicProperties.Builder().expiration("200").build(), "late");
        GetResponse got = Stage.arrival(channel, dead);
        Check.equal("expired", death(got).get("reason").toString(), "reason");
        Check.equal(null, got.getProps().getExpiration(), "expiration property");
    }

    static void queueTtl(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel, Map.of("x-message-ttl", 200));
        Stage.fill(channel, queue, "a", "b");
        Stage.holds(channel, queue, 0);
        Check.equal(null, Stage.take(channel, queue), "what is left");
    }

    static void queueExpires(Stage stage) throws Exception {
        Connection connection = stage.connect();
        String queue = stage.queue(connection.createChannel(), Map.of("x-expires", 300));
        // Asked less often than it expires: a passive declare counts as use.
        Thread.sleep(1_000);
        Check.equal(404, Queues.refusal(() -> connection.createChannel().queueDeclarePassive(queue)), "reply code");
    }

    static void deadLetter(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String exchange = stage.exchange(channel, BuiltinExchangeType.FANOUT);
        String dead = stage.queue(channel);
        channel.queueBind(dead, exchange, "");
        String queue = stage.queue(channel, Map.of("x-dead-letter-exchange", exchange));
        Stage.fill(channel, queue, "bad");
        channel.basicReject(channel.basicGet(queue, false).getEnvelope().getDeliveryTag(), false);
        Map<String, Object> death = death(Stage.arrival(channel, dead));
        Check.equal(1L, death.get("count"), "count");
        Check.equal("rejected", death.get("reason").toString(), "reason");
        Check.equal(queue, death.get("queue").toString(), "queue");
        Check.equal("", death.get("exchange").toString(), "exchange");
        Check.equal(queue, ((List<?>) death.get("routing-keys")).get(0).toString(), "routing key");
    }

    static void retryLoop(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String work = stage.name();
        String waiting = stage.queue(channel, with(deadLettersTo(work), "x-message-ttl", 50));
        channel.queueDeclare(work, true, false, true, deadLettersTo(waiting));
        Inbox inbox = Inbox.acknowledging(channel, work);
        Stage.fill(channel, work, "stubborn");
        for (long round = 0; round < 3; round++) {
            long tag = inbox.next().getEnvelope().getDeliveryTag();
            channel.basicReject(tag, false);
        }
        var last = inbox.next();
        for (Map<String, Object> death : deaths(last.getProperties())) {
            Check.equal(3L, death.get("count"), "count of " + death.get("reason"));
        }
        Check.equal(2, deaths(last.getProperties()).size(), "entries in x-death");
    }

    static void deliveryLimit(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String dead = stage.queue(channel);
        Map<String, Object> limited = with(deadLettersTo(dead), "x-delivery-limit", 2);
        String queue = stage.queue(channel, with(limited, "x-queue-type", "quorum"));
        Inbox inbox = Inbox.acknowledging(channel, queue);
        Stage.fill(channel, queue, "poison");
        for (int delivery = 1; delivery <= 3; delivery++) {
            channel.basicReject(inbox.next().getEnvelope().getDeliveryTag(), true);
        }
        Check.equal("delivery_limit", death(Stage.arrival(channel, dead)).get("reason").toString(), "reason");
        Check.that(inbox.isEmpty(), "no fourth delivery");
    }

    private static Map<String, Object> deadLettersTo(String queue) {
        return Map.of("x-dead-letter-exchange", "", "x-dead-letter-routing-key", queue);
    }

    private static Map<String, Object> with(Map<String, Object> arguments, String name, Object value) {
        var more = new HashMap<>(arguments);
        more.put(name, value);
        return more;
    }

    private static Map<String, Object> death(GetResponse got) {
        return deaths(got.getProps()).get(0);
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> deaths(BasicProperties properties) {
        return (List<Map<String, Object>>) properties.getHeaders().get("x-death");
    }
}
