package leveret.matrix.java;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.BuiltinExchangeType;
import com.rabbitmq.client.Channel;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import leveret.matrix.harness.Check;

/** Where exchanges send what they get. */
final class Exchanges {
    private static final BasicProperties NONE = new BasicProperties();

    private Exchanges() {}

    static void topic(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String exchange = stage.exchange(channel, BuiltinExchangeType.TOPIC);
        var patterns = Map.of("*.orange.*", 1L, "lazy.#", 3L, "#", 4L, "quick.*", 0L);
        var queues = new HashMap<String, String>();
        for (String pattern : patterns.keySet()) {
            queues.put(pattern, stage.queue(channel));
            channel.queueBind(queues.get(pattern), exchange, pattern);
        }
        for (String key : new String[] {"quick.orange.fox", "lazy", "lazy.dog", "lazy.brown.old.dog"}) {
            Stage.send(channel, exchange, key, NONE, key);
        }
        for (var pattern : patterns.entrySet()) {
            long found = channel.messageCount(queues.get(pattern.getKey()));
            Check.equal(pattern.getValue(), found, "matches of " + pattern.getKey());
        }
    }

    static void headers(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String exchange = stage.exchange(channel, BuiltinExchangeType.HEADERS);
        String all = stage.queue(channel);
        String any = stage.queue(channel);
        channel.queueBind(all, exchange, "", Map.of("x-match", "all", "kind", "order", "size", 3));
        channel.queueBind(any, exchange, "", Map.of("x-match", "any", "kind", "order", "size", 3));
        for (Map<String, Object> headers : List.<Map<String, Object>>of(
                Map.of("kind", "order", "size", 3), Map.of("kind", "order"), Map.of("size", 4))) {
            Stage.send(channel, exchange, "", new BasicProperties.Builder().headers(headers).build(), "x");
        }
        Check.equal(1L, channel.messageCount(all), "matches of all");
        Check.equal(2L, channel.messageCount(any), "matches of any");
    }

    static void exchangeToExchange(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String first = stage.exchange(channel, BuiltinExchangeType.TOPIC);
        String second = stage.exchange(channel, BuiltinExchangeType.FANOUT);
        String queue = stage.queue(channel);
        channel.exchangeBind(second, first, "in.*");
        channel.queueBind(queue, second, "");
        Stage.send(channel, first, "in.here", NONE, "through");
        Stage.send(channel, first, "out", NONE, "not through");
        Check.equal("through", Stage.take(channel, queue), "what arrives");
        Check.equal(null, Stage.take(channel, queue), "what else");
        channel.exchangeUnbind(second, first, "in.*");
        Stage.send(channel, first, "in.here", NONE, "too late");
        Check.equal(null, Stage.take(channel, queue), "what arrives without the binding");
    }

    static void alternate(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String other = stage.exchange(channel, BuiltinExchangeType.FANOUT);
        String exchange = stage.exchange(channel, "direct", Map.of("alternate-exchange", other));
        String queue = stage.queue(channel);
        channel.queueBind(queue, other, "");
        Stage.send(channel, exchange, "nowhere", NONE, "lost and found");
        Check.equal("lost and found", Stage.take(channel, queue), "what arrives");
    }

    static void consistentHash(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String exchange = stage.exchange(channel, "x-consistent-hash", Map.of());
        String one = stage.queue(channel);
        String two = stage.queue(channel);
        channel.queueBind(one, exchange, "1");
        channel.queueBind(two, exchange, "1");
        for (int round = 0; round < 2; round++) {
            channel.confirmSelect();
            for (int key = 0; key < 1000; key++) {
                channel.basicPublish(exchange, "key " + key, null, Stage.bytes("x"));
            }
            channel.waitForConfirmsOrDie(Check.LIMIT_MILLIS);
        }
        long first = channel.messageCount(one);
        long second = channel.messageCount(two);
        Check.equal(2000L, first + second, "all messages");
        Check.that(Math.min(first, second) >= 400, "spread is " + first + " and " + second);
        var keys = new HashMap<String, Integer>();
        for (long i = 0; i < first; i++) {
            keys.merge(channel.basicGet(one, true).getEnvelope().getRoutingKey(), 1, Integer::sum);
        }
        Check.that(keys.values().stream().allMatch(times -> times == 2), "a key goes to one queue only");
    }

    static void delayed(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String exchange = stage.exchange(channel, "x-delayed-message", Map.of("x-delayed-type", "direct"));
        String queue = stage.queue(channel);
        channel.queueBind(queue, exchange, "later");
        var delay = new BasicProperties.Builder().headers(Map.of("x-delay", 300)).build();
        long sent = System.nanoTime();
        Stage.send(channel, exchange, "later", delay, "patience");
        Check.equal("patience", Stage.text(Stage.arrival(channel, queue).getBody()), "what arrives");
        long millis = (System.nanoTime() - sent) / 1_000_000;
        Check.that(millis >= 300, "arrived after " + millis + " ms");
    }
}
