package leveret.matrix.harness;

/** One row of the matrix: returns if the broker behaves so, throws what it found instead. */
@FunctionalInterface
public interface Behaviour {
    void prove() throws Exception;
}
