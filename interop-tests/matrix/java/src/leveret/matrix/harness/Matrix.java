package leveret.matrix.harness;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A table of behaviours that is proved in its order, a result line for each.
 *
 * <p>A behaviour that hangs is left behind on its daemon thread: it fails, and the next one starts.
 */
public final class Matrix {
    private static final long LIMIT_SECONDS = 20;

    private final String client;
    private final Map<String, Behaviour> behaviours = new LinkedHashMap<>();

    public Matrix(String client) {
        this.client = client;
    }

    public Matrix row(String id, Behaviour behaviour) {
        behaviours.put(id, behaviour);
        return this;
    }

    public void run() throws IOException, InterruptedException {
        Optional<Set<String>> only = Environment.variable("INTEROP_ONLY").map(ids -> Set.of(ids.split(",")));
        for (var row : behaviours.entrySet()) {
            if (only.isEmpty() || only.get().contains(row.getKey())) {
                report(row.getKey(), outcome(row.getValue()));
            }
        }
    }

    private static String outcome(Behaviour behaviour) throws InterruptedException {
        ExecutorService thread = Executors.newSingleThreadExecutor(Matrix::daemon);
        try {
            thread.submit(() -> {
                behaviour.prove();
                return null;
            }).get(LIMIT_SECONDS, TimeUnit.SECONDS);
            return "passed\t";
        } catch (TimeoutException late) {
            return "failed\ttook longer than " + LIMIT_SECONDS + " s";
        } catch (ExecutionException failure) {
            Throwable cause = failure.getCause();
            return cause instanceof NotOffered ? "not offered\t" + cause.getMessage() : "failed\t" + story(cause);
        } finally {
            thread.shutdownNow();
        }
    }

    private static Thread daemon(Runnable work) {
        var thread = new Thread(work, "behaviour");
        thread.setDaemon(true);
        return thread;
    }

    /** The failure and what led to it, on one line: libraries wrap what the broker said. */
    private static String story(Throwable failure) {
        var line = new StringBuilder(failure.toString());
        for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
            line.append(" <- ").append(cause);
        }
        return line.toString().replaceAll("\\s+", " ");
    }

    private void report(String id, String outcome) throws IOException {
        String line = client + "\t" + id + "\t" + outcome + "\n";
        Optional<String> results = Environment.variable("INTEROP_RESULTS");
        if (results.isEmpty()) {
            System.out.print(line);
            return;
        }
        Files.writeString(Path.of(results.get()), line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
}
