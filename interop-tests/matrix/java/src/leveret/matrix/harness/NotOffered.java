package leveret.matrix.harness;

/** The library has no such feature; the message says in a few words what it lacks. */
public final class NotOffered extends Exception {
    private static final long serialVersionUID = 1;

    public NotOffered(String lacking) {
        super(lacking);
    }
}
