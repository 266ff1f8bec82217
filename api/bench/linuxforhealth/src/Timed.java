import io.github.linuxforhealth.hl7.ConverterOptions;
import io.github.linuxforhealth.hl7.HL7ToFHIRConverter;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Converts files of messages (a file separator between them) and prints one JSON line a file: the median of the thread's CPU time a message.
 *
 * Usage: Timed WARM FILE...   WARM: how many messages of each file only warm the machine up. A kind that throws is told, not timed.
 */
public final class Timed {
  private static final String SEPARATOR = "\u001c";
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private Timed() {}

  public static void main(String[] arguments) throws Exception {
    int warm = Integer.parseInt(arguments[0]);
    HL7ToFHIRConverter converter = new HL7ToFHIRConverter();
    ConverterOptions options = new ConverterOptions.Builder().withZoneIdText("+01:00").build();
    for (String file : Arrays.copyOfRange(arguments, 1, arguments.length)) {
      String[] messages = Files.readString(Path.of(file), StandardCharsets.UTF_8).split(SEPARATOR);
      System.out.println(line(converter, options, messages, warm));
    }
  }

  private static String line(HL7ToFHIRConverter converter, ConverterOptions options, String[] messages, int warm) {
    long[] spent = new long[messages.length - warm];
    try {
      for (int index = 0; index < messages.length; index++) {
        long began = THREADS.getCurrentThreadCpuTime();
        converter.convert(messages[index], options);
        if (index >= warm) {
          spent[index - warm] = THREADS.getCurrentThreadCpuTime() - began;
        }
      }
    } catch (RuntimeException error) {
      return "{\"fails\": \"" + error.getClass().getSimpleName() + "\"}";
    }
    Arrays.sort(spent);
    return "{\"median_us\": " + spent[spent.length / 2] / 1000 + ", \"messages\": " + spent.length + "}";
  }
}
