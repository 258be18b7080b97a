package leveret.matrix.java;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.LongString;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import leveret.matrix.harness.Check;

/** What is published comes out unchanged. */
final class Messages {
    private static final int LARGE = 8 * 1024 * 1024;

    private Messages() {}

    static void publishGet(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel);
        Check.equal(null, channel.basicGet(queue, true), "what an empty queue gives");
        GetResponse got = roundTrip(channel, queue, new BasicProperties(), Stage.bytes("hello"));
        Check.equal("hello", Stage.text(got.getBody()), "body");
        Check.equal(queue, got.getEnvelope().getRoutingKey(), "routing key");
        Check.equal(null, channel.basicGet(queue, true), "what the queue gives afterwards");
    }

    static void properties(Stage stage) throws Exception {
        Map<String, Object> headers = Map.of(
                "text", "grüße",
                "int", 42,
                "long", -1L << 40,
                "double", 0.5,
                "yes", true,
                "when", new Date(1_700_000_000_000L),
                "array", List.of("a", 1, false, List.of(2, 3)),
                "table", Map.of("inner", Map.of("deep", "end")));
        var sent = new BasicProperties.Builder()
                .contentType("application/json").contentEncoding("utf-8").headers(headers)
                .deliveryMode(2).priority(3).correlationId("c-1").replyTo("reply").expiration("60000")
                .messageId("m-1").timestamp(new Date(1_600_000_000_000L)).type("order").userId("guest").appId("app")
                .build();
        Channel channel = stage.channel();
        BasicProperties found = roundTrip(channel, stage.queue(channel), sent, Stage.bytes("x")).getProps();
        Check.equal(headers, plain(found.getHeaders()), "headers");
        Check.equal(sent, found.builder().headers(headers).build(), "properties");

        var bytes = new BasicProperties.Builder().headers(Map.of("bytes", new byte[] {0, -1, 7})).build();
        Object back = roundTrip(channel, stage.queue(channel), bytes, new byte[0]).getProps().getHeaders().get("bytes");
        Check.that(Arrays.equals(new byte[] {0, -1, 7}, (byte[]) back), "a header of bytes");
    }

    /** The client decodes strings lazily, into a type of its own. */
    private static Object plain(Object value) {
        if (value instanceof LongString string) {
            return string.toString();
        }
        if (value instanceof List<?> list) {
            return list.stream().map(Messages::plain).toList();
        }
        if (value instanceof Map<?, ?> map) {
            return map.entrySet().stream().collect(Collectors.toMap(Map.Entry::getKey, e -> plain(e.getValue())));
        }
        return value;
    }

    static void emptyBody(Stage stage) throws Exception {
        Channel channel = stage.channel();
        GetResponse got = roundTrip(channel, stage.queue(channel), new BasicProperties(), new byte[0]);
        Check.equal(0, got.getBody().length, "length");
    }

    static void largeMessage(Stage stage) throws Exception {
        var body = new byte[LARGE];
        new Random(7).nextBytes(body);
        Channel channel = stage.channel();
        GetResponse got = roundTrip(channel, stage.queue(channel), new BasicProperties(), body);
        Check.that(Arrays.equals(body, got.getBody()), "8 MiB are the same");
    }

    static void binaryBody(Stage stage) throws Exception {
        var body = new byte[256];
        for (int i = 0; i < body.length; i++) {
            body[i] = (byte) i;
        }
        Channel channel = stage.channel();
        GetResponse got = roundTrip(channel, stage.queue(channel), new BasicProperties(), body);
        Check.that(Arrays.equals(body, got.getBody()), "all byte values are the same");
    }

    private static GetResponse roundTrip(Channel channel, String queue, BasicProperties properties, byte[] body)
            throws Exception {
        channel.confirmSelect();
        channel.basicPublish("", queue, properties, body);
        channel.waitForConfirmsOrDie(Check.LIMIT_MILLIS);
        return Stage.arrival(channel, queue);
    }
}
