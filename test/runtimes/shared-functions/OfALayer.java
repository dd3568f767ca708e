/** A library that only a layer has. */
public class OfALayer {
    public static final String NAME = "found in a layer";
}
