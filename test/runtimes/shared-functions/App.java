import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The function of the shared suite in Java: its event says what it does. Written for Java 8, free of packages. */
public class App {
    private int invocations;

    public Object handle(Map<String, Object> event) throws Exception {
        invocations++;
        switch ((String) event.get("do")) {
            case "echo":
                return event.get("value");
            case "count":
                return invocations;
            case "environment":
                return environment((List<?>) event.get("names"));
            case "fail":
                throw new ArithmeticException((String) event.get("message"));
            case "sleep":
                Thread.sleep(((Number) event.get("ms")).longValue());
                return "slept";
            case "exit":
                // As a crash does, without the virtual machine's own end.
                Runtime.getRuntime().halt(((Number) event.get("status")).intValue());
                return null;
            case "read":
                byte[] bytes = Files.readAllBytes(Paths.get((String) event.get("path")));
                return new String(bytes, StandardCharsets.UTF_8);
            case "library":
                return Class.forName("OfALayer").getField("NAME").get(null);
            default:
                throw new IllegalArgumentException("no such action");
        }
    }

    private static Map<String, String> environment(List<?> names) {
        Map<String, String> found = new HashMap<>();
        for (Object name : names) {
            String value = System.getenv((String) name);
            if (value != null) found.put((String) name, value);
        }
        return found;
    }
}
