package leveret.matrix.spring;

import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DefaultSaslConfig;
import javax.net.ssl.SSLHandshakeException;
import leveret.matrix.harness.Check;
import leveret.matrix.harness.Environment;
import leveret.matrix.harness.Tls;
import org.springframework.amqp.AmqpException;
import org.springframework.amqp.rabbit.core.RabbitTemplate;

/** Connections over TLS, with the host's name checked too. */
final class Secured {
    private Secured() {}

    static void tls(Stage stage) throws Exception {
        String queue = stage.queue();
        var template = new RabbitTemplate(stage.factory(driver("INTEROP_CA")));
        template.convertAndSend(queue, "secret");
        Check.equal("secret", template.receiveAndConvert(queue, Check.LIMIT_MILLIS), "body");
        var distrustful = stage.factory(driver("INTEROP_OTHER_CA"));
        Throwable refused = Check.fails(AmqpException.class, distrustful::createConnection).getCause();
        Check.that(refused instanceof SSLHandshakeException, "refused by TLS, not by " + refused);
    }

    /** Without a user name: that is the certificate's. */
    static void external(Stage stage) throws Exception {
        ConnectionFactory driver = driver("INTEROP_CA");
        driver.setSaslConfig(DefaultSaslConfig.EXTERNAL);
        stage.factory(driver).createConnection().createChannel(false).close();
    }

    private static ConnectionFactory driver(String authority) throws Exception {
        ConnectionFactory driver = Stage.driver(Environment.needed("INTEROP_TLS_URL"));
        driver.useSslProtocol(Tls.trusting(authority));
        driver.enableHostnameVerification();
        return driver;
    }
}
