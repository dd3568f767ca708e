/** Comes in a jar of its own: in lib/ of the package, or in java/lib/ of a layer. */
public class Dependency {
  public static String name() {
    return "the dependency";
  }
}
