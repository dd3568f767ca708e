package lambdad;

import com.amazonaws.services.lambda.runtime.CustomPojoSerializer;
import com.amazonaws.services.lambda.runtime.api.client.logging.LambdaContextLogger;
import com.amazonaws.services.lambda.runtime.api.client.logging.StdOutLogSink;
import com.amazonaws.services.lambda.runtime.api.client.runtimeapi.JniHelper;
import com.amazonaws.services.lambda.runtime.logging.LogFormat;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import com.amazonaws.services.lambda.runtime.serialization.PojoSerializer;
import com.amazonaws.services.lambda.runtime.serialization.factories.JacksonFactory;
import com.amazonaws.services.lambda.runtime.serialization.util.ReflectUtil;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileDescriptor;
import java.lang.reflect.Constructor;
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
  /** Of the client's: what reads variables as soon as it is initialized. */
  private static final String[] LOADED = {"AWSLambda", "LambdaEnvironment"};
  /** What does not. */
  private static final String[] INITIALIZED = {
    "CustomerClassLoader",
    "EventHandlerLoader",
    "EventHandlerLoader$2",
    "EventHandlerLoader$ClassContext",
    "EventHandlerLoader$Platform",
    "EventHandlerLoader$PojoHandlerAsStreamHandler",
    "HandlerInfo",
    "HandlerInfo$InvalidHandlerException",
    "LambdaRequestHandler$UserFaultHandler",
    "PojoSerializerLoader",
    "TooManyServiceProvidersFoundException",
    "UserFault",
    "api.LambdaContext",
    "logging.FramedTelemetryLogSink",
    "runtimeapi.LambdaRuntimeApiClientImpl",
    "runtimeapi.NativeClient",
    "util.ConcurrencyConfig",
    "util.EnvReader",
    "util.LambdaOutputStream",
    "util.UnsafeUtil",
  };
  /** A property of the JDK's that the client sets. */
  private static final String SECURITY_PROPERTY = "jdk.tls.disabledAlgorithms";
  /** A class of a folder, as functions have theirs. */
  private static final String FOLDER = "rehearsal";
  private static final String HANDLER = "Rehearsed";

  private static final int LOG_DESCRIPTOR = 3;

  private static volatile Object rehearsed;

  private interface Step {
    void run() throws Exception;
  }

  private Rehearsal() {}

  static void run() {
    attempt(Rehearsal::loadClient);
    attempt(Rehearsal::serialize);
    attempt(Rehearsal::loadHandler);
    attempt(() -> Security.setProperty(SECURITY_PROPERTY, Security.getProperty(SECURITY_PROPERTY)));
    attempt(Rehearsal::openLog);
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
    for (String name : INITIALIZED) Class.forName(CLIENT + name, true, loader);
  }

  /** The client makes its descriptor like this; nothing is written. */
  private static void openLog() throws Exception {
    Constructor<FileDescriptor> open = FileDescriptor.class.getDeclaredConstructor(int.class);
    open.setAccessible(true);
    open.newInstance(LOG_DESCRIPTOR);
    new LambdaContextLogger(new StdOutLogSink(), LogLevel.fromString("UNDEFINED"), LogFormat.fromString("TEXT"));
    ReflectUtil.setStaticField(Rehearsal.class, "rehearsed", true, new Object());
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
