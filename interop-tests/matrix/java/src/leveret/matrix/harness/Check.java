package leveret.matrix.harness;

import java.util.Objects;
import java.util.concurrent.Callable;

/** Expectations. Nothing is waited for without a limit, which only a failure reaches. */
public final class Check {
    public static final long LIMIT_MILLIS = 10_000;
    private static final long STEP_MILLIS = 20;

    private Check() {}

    public static void that(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    public static void equal(Object expected, Object found, String what) {
        that(Objects.equals(expected, found), what + ": expected " + expected + ", found " + found);
    }

    /** Asks until the answer is yes. */
    public static void eventually(Callable<Boolean> condition, String what) throws Exception {
        long deadline = System.nanoTime() + LIMIT_MILLIS * 1_000_000;
        while (!condition.call()) {
            that(System.nanoTime() < deadline, "waited " + LIMIT_MILLIS + " ms for: " + what);
            Thread.sleep(STEP_MILLIS);
        }
    }

    /** The failure that the attempt must end in. */
    public static <E extends Throwable> E fails(Class<E> kind, Attempt attempt) throws Exception {
        try {
            attempt.run();
        } catch (Throwable thrown) {
            if (kind.isInstance(thrown)) {
                return kind.cast(thrown);
            }
            throw new AssertionError("expected " + kind.getSimpleName() + ", found " + thrown, thrown);
        }
        throw new AssertionError("expected " + kind.getSimpleName() + ", but it went well");
    }

    /** Something that may throw. */
    @FunctionalInterface
    public interface Attempt {
        void run() throws Exception;
    }
}
