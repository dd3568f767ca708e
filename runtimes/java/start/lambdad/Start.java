package lambdad;

import com.amazonaws.services.lambda.runtime.api.client.AWSLambda;

/**
 * What a Java process begins with, whether it has a function already or waits for one: Amazon's runtime interface client
 * does everything else. Its handler comes from the variable, for the command line is the same for all.
 */
public final class Start {
  private Start() {}

  public static void main(String[] arguments) throws Throwable {
    String handler = Gate.pass();
    // As if Amazon's had been started by itself: programs look there for a name.
    System.setProperty("sun.java.command", AWSLambda.class.getName() + " " + handler);
    AWSLambda.main(new String[] {handler});
  }
}
