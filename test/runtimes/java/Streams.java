import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** Gives the event back byte for byte. */
public class Streams implements RequestStreamHandler {
  @Override
  public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
    byte[] buffer = new byte[1024];
    for (int count = input.read(buffer); count >= 0; count = input.read(buffer)) output.write(buffer, 0, count);
  }
}
