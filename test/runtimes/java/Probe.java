import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.File;
import java.util.Map;
import java.util.TreeMap;

/** Does what the event's "do" says, and tells what it sees. */
public class Probe implements RequestHandler<Map<String, Object>, Object> {
  @Override
  public Object handleRequest(Map<String, Object> event, Context context) {
    String order = String.valueOf(event.get("do"));
    if (order.equals("fail")) throw new IllegalStateException("bad value");
    if (order.equals("exit")) System.exit(3);
    if (order.equals("sleep")) sleep();
    if (order.equals("log")) {
      System.out.println("printed");
      context.getLogger().log("one\ntwo", LogLevel.WARN);
      context.getLogger().log("fine", LogLevel.DEBUG);
    }
    if (order.equals("nothing")) return null;
    return seen(event, context);
  }

  /** Named by the handler `Probe::method`. */
  public String method(Map<String, Object> event, Context context) {
    return "method for " + context.getFunctionName();
  }

  private static Map<String, Object> seen(Map<String, Object> event, Context context) {
    Map<String, Object> seen = new TreeMap<>();
    seen.put("event", event);
    seen.put("environment", new TreeMap<>(System.getenv()));
    seen.put("version", System.getProperty("java.specification.version"));
    seen.put("trace", System.getProperty("com.amazonaws.xray.traceHeader"));
    seen.put("heapBytes", Runtime.getRuntime().maxMemory());
    seen.put("native", new File("/tmp/.libaws-lambda-jni.so").exists());
    seen.put("requestId", context.getAwsRequestId());
    seen.put("arn", context.getInvokedFunctionArn());
    seen.put("memory", context.getMemoryLimitInMB());
    seen.put("remaining", context.getRemainingTimeInMillis());
    seen.put("logGroup", context.getLogGroupName());
    seen.put("dependency", dependency());
    return seen;
  }

  private static String dependency() {
    try {
      return String.valueOf(Class.forName("Dependency").getMethod("name").invoke(null));
    } catch (ReflectiveOperationException error) {
      return "none";
    }
  }

  private static void sleep() {
    try {
      Thread.sleep(60_000);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
  }
}
