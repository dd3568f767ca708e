import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.services.lambda.model.CodeSigningConfigNotFoundException;
import software.amazon.awssdk.services.lambda.model.InvalidParameterValueException;
import software.amazon.awssdk.services.lambda.model.LambdaException;
import software.amazon.awssdk.services.lambda.model.PreconditionFailedException;
import software.amazon.awssdk.services.lambda.model.ProvisionedConcurrencyConfigNotFoundException;
import software.amazon.awssdk.services.lambda.model.ResourceConflictException;
import software.amazon.awssdk.services.lambda.model.ResourceNotFoundException;

/** The table of names to give, values to set, answers and errors to expect. */
final class Table {
  private static final long POLL_MS = 100;
  private static final int POLLS_MAX = 100;

  /** What is no shape of the model arrives as the service's own class. */
  private static final Map<String, Class<? extends LambdaException>> CLASSES =
      Map.of(
          "CodeSigningConfigNotFoundException", CodeSigningConfigNotFoundException.class,
          "InvalidParameterValueException", InvalidParameterValueException.class,
          "PreconditionFailedException", PreconditionFailedException.class,
          "ProvisionedConcurrencyConfigNotFoundException", ProvisionedConcurrencyConfigNotFoundException.class,
          "ResourceConflictException", ResourceConflictException.class,
          "ResourceNotFoundException", ResourceNotFoundException.class,
          "ValidationException", LambdaException.class);

  private final Map<String, JsonNode> members;

  Table(String file) throws IOException {
    members = JsonNode.parser().parse(Files.readString(Path.of(file))).asObject();
  }

  String text(String name) {
    return members.get(name).asString();
  }

  int number(String name) {
    return Integer.parseInt(members.get(name).asNumber());
  }

  double fraction(String name) {
    return Double.parseDouble(members.get(name).asNumber());
  }

  List<String> texts(String name) {
    return members.get(name).asArray().stream().map(JsonNode::asString).toList();
  }

  Map<String, String> map(String name) {
    return members.get(name).asObject().entrySet().stream()
        .collect(Collectors.toMap(Map.Entry::getKey, entry -> entry.getValue().asString()));
  }

  /** The content of the file that the table names. */
  SdkBytes content(String name) {
    try {
      return SdkBytes.fromByteArray(Files.readAllBytes(Path.of(text(name))));
    } catch (IOException error) {
      throw new IllegalStateException(error);
    }
  }

  /** The call must fail as the table says: its class, its code and the beginning of its text. */
  void fails(String name, Runnable call) {
    Map<String, JsonNode> wanted = members.get("errors").asObject().get(name).asObject();
    String code = wanted.get("code").asString();
    try {
      call.run();
    } catch (LambdaException error) {
      equal(error.getClass(), CLASSES.get(code));
      equal(error.awsErrorDetails().errorCode(), code);
      String message = error.awsErrorDetails().errorMessage();
      holds(message.startsWith(wanted.get("message").asString()), name + ": " + message);
      return;
    }
    throw new AssertionError(name + ": no error");
  }

  static void until(BooleanSupplier isSo) throws InterruptedException {
    for (int polls = 0; polls < POLLS_MAX; polls++) {
      if (isSo.getAsBoolean()) return;
      Thread.sleep(POLL_MS);
    }
    throw new AssertionError("not in time");
  }

  static void equal(Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) throw new AssertionError("expected " + expected + ", got " + actual);
  }

  static void holds(boolean isSo, Object otherwise) {
    if (!isSo) throw new AssertionError(otherwise);
  }
}
