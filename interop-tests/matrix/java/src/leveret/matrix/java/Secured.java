package leveret.matrix.java;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DefaultSaslConfig;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.TrustManagerFactory;
import leveret.matrix.harness.Check;
import leveret.matrix.harness.Environment;

/** TLS, with the certificates of the runner in PEM. */
final class Secured {
    private static final char[] PASSWORD = "in memory only".toCharArray();

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
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(identity(), trust(Environment.needed(authority)).getTrustManagers(), null);
        ConnectionFactory factory = Stage.factory(Environment.needed("INTEROP_TLS_URL"));
        factory.useSslProtocol(context);
        factory.enableHostnameVerification();
        return factory;
    }

    private static TrustManagerFactory trust(String pem) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        store.setCertificateEntry("ca", certificate(pem));
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        return trust;
    }

    private static KeyManager[] identity() throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        Certificate[] chain = {certificate(Environment.needed("INTEROP_CLIENT_CERT"))};
        store.setKeyEntry("guest", key(Environment.needed("INTEROP_CLIENT_KEY")), PASSWORD, chain);
        var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, PASSWORD);
        return keys.getKeyManagers();
    }

    private static Certificate certificate(String pem) throws Exception {
        try (InputStream in = Files.newInputStream(Path.of(pem))) {
            return CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    /** PKCS #8; the algorithm is tried, since Java wants to be told it. */
    private static PrivateKey key(String pem) throws Exception {
        String text = Files.readString(Path.of(pem), StandardCharsets.US_ASCII);
        byte[] der = Base64.getMimeDecoder().decode(text.replaceAll("-----[A-Z ]+-----", ""));
        var spec = new PKCS8EncodedKeySpec(der);
        try {
            return KeyFactory.getInstance("EC").generatePrivate(spec);
        } catch (java.security.spec.InvalidKeySpecException otherAlgorithm) {
            return KeyFactory.getInstance("RSA").generatePrivate(spec);
        }
    }
}
