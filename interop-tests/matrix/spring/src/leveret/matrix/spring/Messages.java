package leveret.matrix.spring;

import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Random;
import leveret.matrix.harness.Check;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageBuilder;
import org.springframework.amqp.core.MessageDeliveryMode;
import org.springframework.amqp.core.MessageProperties;
import org.springframework.amqp.core.MessagePropertiesBuilder;

/** What is published comes out unchanged. */
final class Messages {
    private static final int LARGE = 8 * 1024 * 1024;

    private Messages() {}

    static void publishGet(Stage stage) throws Exception {
        String queue = stage.queue();
        Check.equal(null, stage.take(queue), "what an empty queue gives");
        stage.template.convertAndSend(queue, "hello");
        Message got = stage.arrival(queue);
        Check.equal("hello", stage.template.getMessageConverter().fromMessage(got), "body");
        Check.equal(queue, got.getMessageProperties().getReceivedRoutingKey(), "routing key");
        Check.equal(null, stage.take(queue), "what the queue gives afterwards");
    }

    static void properties(Stage stage) throws Exception {
        Map<String, Object> headers = Map.of(
                "text", "grüße", "int", 42, "long", -1L << 40, "double", 0.5, "yes", true,
                "when", new Date(1_700_000_000_000L),
                "array", List.of("a", 1, false, List.of(2, 3)),
                "table", Map.of("inner", Map.of("deep", "end")));
        MessageProperties sent = MessagePropertiesBuilder.newInstance()
                .setContentType("application/json").setContentEncoding("utf-8").copyHeaders(headers)
                .setPriority(3).setCorrelationId("c-1").setReplyTo("reply").setExpiration("60000")
                .setMessageId("m-1").setTimestamp(new Date(1_600_000_000_000L)).setType("order").setUserId("guest")
                .setAppId("app").setHeader("bytes", new byte[] {0, -1, 7}).build();
        MessageProperties found = roundTrip(stage, MessageBuilder.withBody(new byte[0]).andProperties(sent).build())
                .getMessageProperties();
        for (var header : headers.entrySet()) {
            Check.equal(header.getValue(), found.getHeader(header.getKey()), "header " + header.getKey());
        }
        Check.that(Arrays.equals(new byte[] {0, -1, 7}, (byte[]) found.getHeader("bytes")), "header of bytes");
        Check.equal(plain(sent), plain(found), "properties");
        Check.equal(MessageDeliveryMode.PERSISTENT, found.getReceivedDeliveryMode(), "delivery mode");
        Check.equal("guest", found.getReceivedUserId(), "user id");
    }

    private static List<Object> plain(MessageProperties it) {
        return List.of(it.getContentType(), it.getContentEncoding(), it.getPriority(), it.getCorrelationId(),
                it.getReplyTo(), it.getExpiration(), it.getMessageId(), it.getTimestamp(), it.getType(), it.getAppId());
    }

    static void emptyBody(Stage stage) throws Exception {
        Check.equal(0, roundTrip(stage, Stage.message("").build()).getBody().length, "length");
    }

    static void largeMessage(Stage stage) throws Exception {
        var body = new byte[LARGE];
        new Random(7).nextBytes(body);
        Message found = roundTrip(stage, MessageBuilder.withBody(body).build());
        Check.that(Arrays.equals(body, found.getBody()), "8 MiB are the same");
    }

    static void binaryBody(Stage stage) throws Exception {
        var body = new byte[256];
        for (int i = 0; i < body.length; i++) {
            body[i] = (byte) i;
        }
        Message found = roundTrip(stage, MessageBuilder.withBody(body).build());
        Check.that(Arrays.equals(body, found.getBody()), "all byte values are the same");
    }

    private static Message roundTrip(Stage stage, Message message) throws Exception {
        String queue = stage.queue();
        stage.send("", queue, message);
        return stage.arrival(queue);
    }
}
