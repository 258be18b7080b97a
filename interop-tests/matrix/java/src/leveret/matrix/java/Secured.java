package leveret.matrix.java;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DefaultSaslConfig;
import javax.net.ssl.SSLHandshakeException;
import leveret.matrix.harness.Check;
import leveret.matrix.harness.Environment;
import leveret.matrix.harness.Tls;

/** Connections over TLS, with the host's name checked too. */
final class Secured {
    private Secured() {}

    static void tls(Stage stage) throws Exception {
        Channel channel = stage.connect(factory("INTEROP_CA")).createChannel();
        String queue = stage.queue(channel);
        Stage.fill(channel, queue, "secret");
        Check.equal("secret", Stage.take(channel, queue), "body");
        ConnectionFactory distrustful = factory("INTEROP_OTHER_CA");
        Check.fails(SSLHandshakeException.class, () -> stage.connect(distrustful));
    }

    /** Without a user name: that is the certificate's. */
    static void external(Stage stage) throws Exception {
        ConnectionFactory factory = factory("INTEROP_CA");
        factory.setSaslConfig(DefaultSaslConfig.EXTERNAL);
        stage.connect(factory).createChannel().close();
    }

    private static ConnectionFactory factory(String authority) throws Exception {
        ConnectionFactory factory = Stage.factory(Environment.needed("INTEROP_TLS_URL"));
        factory.useSslProtocol(Tls.trusting(authority));
        factory.enableHostnameVerification();
        return factory;
    }
}
