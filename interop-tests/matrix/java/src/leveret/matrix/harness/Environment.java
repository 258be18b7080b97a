package leveret.matrix.harness;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** What the runner tells a program: where the broker is, and how to ask for a restart or an alarm. */
public final class Environment {
    private Environment() {}

    public static Optional<String> variable(String name) {
        return Optional.ofNullable(System.getenv(name)).filter(value -> !value.isEmpty());
    }

    /** A variable that this behaviour cannot do without. */
    public static String needed(String name) {
        return variable(name).orElseThrow(() -> new AssertionError(name + " is not set"));
    }

    public static String url() {
        return variable("INTEROP_URL").orElse("amqp://guest:guest@127.0.0.1:5672/%2F");
    }

    /** Sends a line to the runner's control port; what follows "ok" in the answer. */
    public static String control(String command) throws IOException {
        String[] address = needed("INTEROP_CONTROL").split(":");
        try (var socket = new Socket(address[0], Integer.parseInt(address[1]))) {
            var lines = new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8);
            var reader = new BufferedReader(lines);
            var writer = new PrintWriter(socket.getOutputStream(), true, StandardCharsets.UTF_8);
            writer.println(command);
            String answer = reader.readLine();
            if (answer == null || !answer.startsWith("ok")) {
                throw new IOException("control port, asked to " + command + ": " + answer);
            }
            return answer.substring("ok".length()).trim();
        }
    }
}
