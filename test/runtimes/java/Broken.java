/** Fails while it is loaded. */
public class Broken {
  private static final String VALUE = fail();

  private static String fail() {
    throw new IllegalArgumentException("no configuration");
  }

  public String handle(Object event) {
    return VALUE;
  }
}
