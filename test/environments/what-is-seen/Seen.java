import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.Security;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TimeZone;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Tells all that a Java function can see of itself, but for what is another in each environment. */
public class Seen implements RequestHandler<Map<String, Object>, Map<String, Object>> {
  private static final String[] PLACES = {"cwd", "exe", "root"};
  private static final String[] FOLDERS = {"/", "/var", "/var/task", "/opt", "/tmp", "/dev", "."};

  /** At the time of the class, before any invoke. */
  private final Map<String, Object> early = new LinkedHashMap<>();

  public Seen() throws Exception {
    early.put("threads", threads());
    early.put("nextThread", new Thread().getName() + " " + new Thread().getId());
    early.put("stack", Stream.of(new Throwable().getStackTrace()).map(String::valueOf).collect(Collectors.toList()));
    early.put("descriptors", descriptors());
    List<List<String>> variables = new ArrayList<>();
    System.getenv().forEach((name, value) -> variables.add(Arrays.asList(name, value)));
    early.put("variables", variables);
    early.put("properties", properties());
    early.put("arguments", ManagementFactory.getRuntimeMXBean().getInputArguments());
    early.put("name", ManagementFactory.getRuntimeMXBean().getName().split("@")[0]);
    early.put("heap", Runtime.getRuntime().maxMemory());
    early.put("processors", Runtime.getRuntime().availableProcessors());
    early.put("collections", ManagementFactory.getGarbageCollectorMXBeans().stream()
        .map(bean -> bean.getName() + " " + bean.getCollectionCount()).collect(Collectors.toList()));
    early.put("command", ProcessHandle.current().info().commandLine().orElse(""));
    early.put("pids", Arrays.asList(ProcessHandle.current().pid(), ProcessHandle.current().parent().get().pid()));
    early.put("places", Arrays.asList(Locale.getDefault(), TimeZone.getDefault().getID(), Charset.defaultCharset().name())
        .stream().map(String::valueOf).collect(Collectors.toList()));
    early.put("security", Arrays.asList(
        Security.getProperty("jdk.tls.disabledAlgorithms"), Security.getProperty("networkaddress.cache.negative.ttl")));
    early.put("streams", Arrays.asList(System.out.getClass().getName(), System.err.getClass().getName()));
    ClassLoader system = ClassLoader.getSystemClassLoader();
    early.put("loaders", Arrays.asList(
        Thread.currentThread().getContextClassLoader().getClass().getName(), system.getClass().getName()));
    early.put("opened", Arrays.asList(
        Object.class.getModule().isOpen("java.lang"), Object.class.getModule().isOpen("java.io", Seen.class.getModule())));
  }

  @Override
  public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
    try {
      return look();
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  private Map<String, Object> look() throws Exception {
    Map<String, Object> seen = new LinkedHashMap<>();
    seen.put("early", early);
    // Those of the client that come after the function's class are there already when that is loaded.
    Package[] packages = ClassLoader.getSystemClassLoader().getDefinedPackages();
    seen.put("packages", Stream.of(packages).map(Package::getName).sorted().collect(Collectors.toList()));
    seen.put("laterThreads", threads());
    seen.put("laterProperties", properties());
    // Of the C library, which hands them on.
    List<String> inherited = Arrays.asList(output("/usr/bin/env").split("\n"));
    seen.put("inherited", inherited.stream().map(line -> line.split("=")[0]).collect(Collectors.toList()));
    seen.put("inheritedDirectory", output("/bin/sh", "-c", "pwd -P; ls"));
    seen.put("relative", new File("Seen.class").length() > 0);
    seen.put("resource", String.valueOf(Seen.class.getResource("Seen.class")));
    seen.put("commandLine", Arrays.asList(read("cmdline").split("\0")));
    seen.put("environ", Arrays.asList(read("environ").replaceAll("\0+$", "").split("\0")));
    for (String name : new String[] {"limits", "status", "cgroup", "stat"}) seen.put(name, read(name));
    seen.put("mounts", read("mountinfo"));
    seen.put("oom", read("oom_score_adj"));
    List<String> places = new ArrayList<>();
    for (String name : PLACES) places.add(link(Paths.get("/proc/self/" + name)));
    seen.put("links", places);
    seen.put("mapped", new TreeSet<>(Stream.of(read("maps").split("\n"))
        .map(line -> line.replaceAll("^\\S+ \\S+ \\S+ \\S+ \\S+\\s*", "")).collect(Collectors.toList())));
    seen.put("processes", names("/proc").stream().filter(name -> name.matches("\\d+")).collect(Collectors.toList()));
    Map<String, Object> folders = new TreeMap<>();
    for (String folder : FOLDERS) folders.put(folder, folder(folder));
    seen.put("folders", folders);
    return seen;
  }

  private static List<String> threads() {
    List<String> threads = new ArrayList<>();
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      String group = thread.getThreadGroup() == null ? "" : thread.getThreadGroup().getName();
      threads.add(thread.getId() + " " + thread.getName() + " " + group + " " + thread.isDaemon() + " " + thread.getPriority());
    }
    Collections.sort(threads);
    return threads;
  }

  private static Map<String, String> properties() {
    Map<String, String> properties = new TreeMap<>();
    for (String name : System.getProperties().stringPropertyNames()) properties.put(name, System.getProperty(name));
    // It is the invocation's.
    properties.remove("com.amazonaws.xray.traceHeader");
    return properties;
  }

  private static List<String> descriptors() throws IOException {
    List<String> found = new ArrayList<>();
    for (String name : names("/proc/self/fd")) found.add(name + " " + link(Paths.get("/proc/self/fd/" + name)));
    return found;
  }

  private static String link(Path path) {
    try {
      return Files.readSymbolicLink(path).toString().replaceAll(":\\[\\d+\\]", "");
    } catch (IOException gone) {
      return "gone";
    }
  }

  private static String read(String name) throws IOException {
    return new String(Files.readAllBytes(Paths.get("/proc/self/" + name)), StandardCharsets.UTF_8);
  }

  private static List<String> names(String folder) throws IOException {
    try (Stream<Path> paths = Files.list(Paths.get(folder))) {
      return paths.map(path -> path.getFileName().toString()).sorted().collect(Collectors.toList());
    }
  }

  private static List<String> folder(String folder) throws IOException {
    List<String> found = new ArrayList<>();
    for (String name : names(folder)) {
      Map<String, Object> status =
          Files.readAttributes(Paths.get(folder, name), "unix:mode,size,uid", LinkOption.NOFOLLOW_LINKS);
      boolean isRoots = status.get("uid").equals(0);
      found.add(name + " " + Integer.toOctalString((Integer) status.get("mode")) + " " + status.get("size") + " " + isRoots);
    }
    return found;
  }

  private static String output(String... command) throws Exception {
    Process process = new ProcessBuilder(command).start();
    try (InputStream input = process.getInputStream()) {
      return new String(input.readAllBytes(), StandardCharsets.UTF_8);
    } finally {
      process.waitFor();
    }
  }
}
