package lambdad;

import com.amazonaws.services.lambda.runtime.CustomPojoSerializer;
import com.amazonaws.services.lambda.runtime.api.client.runtimeapi.JniHelper;
import com.amazonaws.services.lambda.runtime.api.client.runtimeapi.dto.InvocationRequest;
import com.amazonaws.services.lambda.runtime.serialization.PojoSerializer;
import com.amazonaws.services.lambda.runtime.serialization.factories.JacksonFactory;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.lang.reflect.ParameterizedType;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.security.Security;
import java.util.Collections;
import java.util.ServiceLoader;
import java.util.TimeZone;

/**
 * Does once what Amazon's client does around an invocation, as far as nothing of it stays to be seen. What reads variables
 * or looks for the function's own classes, and remembers it, is loaded only.
 */
final class Rehearsal {
  private static final String CLIENT = "com.amazonaws.services.lambda.runtime.api.client.";
  /** Of the client's, in the order in which it needs them. */
  private static final String[] LOADED = {
    "AWSLambda",
    "CustomerClassLoader",
    "EventHandlerLoader",
    "EventHandlerLoader$PojoHandlerAsStreamHandler",
    "HandlerInfo",
    "LambdaEnvironment",
    "LambdaRequestHandler$UserFaultHandler",
    "PojoSerializerLoader",
    "api.LambdaContext",
    "logging.FramedTelemetryLogSink",
    "logging.LambdaContextLogger",
    "logging.TextLogFormatter",
    "runtimeapi.LambdaRuntimeApiClientImpl",
    "util.ConcurrencyConfig",
    "util.LambdaOutputStream",
    "util.UnsafeUtil",
  };
  /** A property of the JDK's that the client sets. */
  private static final String SECURITY_PROPERTY = "jdk.tls.disabledAlgorithms";
  /** A class of a folder, as functions have theirs. */
  private static final String FOLDER = "rehearsal";
  private static final String HANDLER = "Rehearsed";

  private interface Step {
    void run() throws Exception;
  }

  private Rehearsal() {}

  static void run() {
    attempt(Rehearsal::loadClient);
    attempt(Rehearsal::serialize);
    attempt(Rehearsal::loadHandler);
    attempt(() -> Security.setProperty(SECURITY_PROPERTY, Security.getProperty(SECURITY_PROPERTY)));
    attempt(() -> String.format("aws-lambda-java/%s-%s", System.getProperty("java.vendor.version"), implementationVersion()));
    attempt(JniHelper::load);
    // The JDK sets it when somebody asks for the zone first, and shall once more.
    TimeZone.setDefault(null);
    System.clearProperty("user.timezone");
  }

  /** Without it a function's first invocation is slower, and that is all. */
  private static void attempt(Step step) {
    try {
      step.run();
    } catch (Exception | LinkageError ignored) {
      // What is wrong shows when the function needs it.
    }
  }

  private static void loadClient() throws ClassNotFoundException {
    ClassLoader loader = ClassLoader.getSystemClassLoader();
    for (String name : LOADED) Class.forName(CLIENT + name, false, loader);
  }

  private static String implementationVersion() {
    return InvocationRequest.class.getPackage().getImplementationVersion();
  }

  private static void serialize() {
    for (String json : new String[] {"{\"a\":[\"b\",1,null]}", "\"a\""}) {
      PojoSerializer<Object> serializer = JacksonFactory.getInstance().getSerializer(Object.class);
      byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
      serializer.toJson(serializer.fromJson(new ByteArrayInputStream(bytes)), new ByteArrayOutputStream());
    }
  }

  private static void loadHandler() throws Exception {
    File folder = new File(System.getProperty("java.class.path").split(":")[0]).getParentFile();
    URL url = new URL("file", null, folder.getParent() + "/" + FOLDER + "/");
    try (URLClassLoader loader = new URLClassLoader(new URL[] {url}, ClassLoader.getSystemClassLoader())) {
      ServiceLoader.load(CustomPojoSerializer.class, loader).iterator().hasNext();
      Class<?> type = Class.forName(HANDLER, true, loader);
      ParameterizedType parameters = (ParameterizedType) type.getGenericInterfaces()[0];
      PojoSerializer<Object> input = JacksonFactory.getInstance().getSerializer(parameters.getActualTypeArguments()[0]);
      PojoSerializer<Object> output = JacksonFactory.getInstance().getSerializer(parameters.getActualTypeArguments()[1]);
      type.getConstructor().newInstance();
      input.fromJson(new ByteArrayInputStream("{\"a\":\"b\"}".getBytes(StandardCharsets.UTF_8)));
      output.toJson(Collections.singletonMap("a", "b"), new ByteArrayOutputStream());
    }
  }
}
