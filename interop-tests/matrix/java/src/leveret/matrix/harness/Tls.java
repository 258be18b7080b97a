package leveret.matrix.harness;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** The runner's certificates, which are PEM files, as what Java wants of them. */
public final class Tls {
    private static final char[] PASSWORD = "in memory only".toCharArray();

    private Tls() {}

    /** Shows the client's certificate and trusts the authority that this variable names. */
    public static SSLContext trusting(String variable) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(identity(), trust(Environment.needed(variable)), null);
        return context;
    }

    private static TrustManager[] trust(String pem) throws Exception {
        KeyStore store = emptyStore();
        store.setCertificateEntry("ca", certificate(pem));
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        return trust.getTrustManagers();
    }

    private static KeyManager[] identity() throws Exception {
        KeyStore store = emptyStore();
        Certificate[] chain = {certificate(Environment.needed("INTEROP_CLIENT_CERT"))};
        store.setKeyEntry("client", key(Environment.needed("INTEROP_CLIENT_KEY")), PASSWORD, chain);
        var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, PASSWORD);
        return keys.getKeyManagers();
    }

    private static KeyStore emptyStore() throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        return store;
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
        try {
            return key("EC", der);
        } catch (InvalidKeySpecException otherAlgorithm) {
            return key("RSA", der);
        }
    }

    private static PrivateKey key(String algorithm, byte[] der) throws GeneralSecurityException {
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
    }
}
