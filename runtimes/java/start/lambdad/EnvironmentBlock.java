package lambdad;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The variables that the kernel gave this process, at the top of its first stack: their text, and the pointers to it that
 * the C library hands on. As long as nobody has changed one of them, that is where all of them are: for the JDK, for
 * libraries, for programs that the process starts, and in /proc/self/environ.
 */
final class EnvironmentBlock {
  /** Of /proc/self/stat, counted from the one behind the program's name. */
  private static final int STACK_FIELD = 28 - 3;
  private static final int START_FIELD = 50 - 3;
  private static final int END_FIELD = 51 - 3;
  /** From the stack's beginning to the texts: arguments, variables, and a few values of the kernel's. */
  private static final int POINTER_BYTES_MAX = 65_536;

  private final long textStart;
  private final int textBytes;
  private final long pointersStart;
  private final int pointerCount;

  private EnvironmentBlock(long textStart, int textBytes, long pointersStart, int pointerCount) {
    this.textStart = textStart;
    this.textBytes = textBytes;
    this.pointersStart = pointersStart;
    this.pointerCount = pointerCount;
  }

  static EnvironmentBlock own() throws IOException {
    String stat;
    try (InputStream input = new FileInputStream("/proc/self/stat")) {
      stat = new String(input.readAllBytes(), StandardCharsets.ISO_8859_1);
    }
    // The name of the program, in parentheses, may hold blanks.
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    long stackStart = Long.parseLong(fields[STACK_FIELD]);
    long textStart = Long.parseLong(fields[START_FIELD]);
    ByteBuffer stack = ByteBuffer.allocate((int) Math.min(textStart - stackStart, POINTER_BYTES_MAX));
    try (RandomAccessFile memory = memory()) {
      memory.seek(stackStart);
      memory.readFully(stack.array());
    }
    stack.order(ByteOrder.nativeOrder());
    // The number of arguments, as many pointers, a zero.
    int first = (int) (stack.getLong(0) + 2) * Long.BYTES;
    if (stack.getLong(first) != textStart) throw new IOException("the variables are not where they are looked for");
    int last = first;
    while (stack.getLong(last) != 0) last += Long.BYTES;
    int textBytes = (int) (Long.parseLong(fields[END_FIELD]) - textStart);
    return new EnvironmentBlock(textStart, textBytes, stackStart + first, (last - first) / Long.BYTES);
  }

  /** Puts these in the place of all; what is left of the texts becomes zeros. */
  void show(List<List<String>> variables) throws IOException {
    if (variables.size() > pointerCount) throw new IOException("more variables than there is room for");
    ByteBuffer text = ByteBuffer.allocate(textBytes);
    ByteBuffer pointers = ByteBuffer.allocate(pointerCount * Long.BYTES).order(ByteOrder.nativeOrder());
    for (List<String> variable : variables) {
      pointers.putLong(textStart + text.position());
      text.put((variable.get(0) + "=" + variable.get(1) + "\0").getBytes(StandardCharsets.UTF_8));
    }
    try (RandomAccessFile memory = memory()) {
      memory.seek(textStart);
      memory.write(text.array());
      memory.seek(pointersStart);
      memory.write(pointers.array());
    }
  }

  private static RandomAccessFile memory() throws IOException {
    return new RandomAccessFile("/proc/self/mem", "rw");
  }
}
