import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The JSON files that a path names: itself, or what is under the folder, in the order of their names. */
final class JsonFiles {
  private JsonFiles() {}

  static List<Path> under(Path root) throws IOException {
    if (!Files.isDirectory(root)) return List.of(root);
    try (Stream<Path> all = Files.walk(root)) {
      return all.filter(JsonFiles::json).sorted().toList();
    }
  }

  private static boolean json(Path path) {
    return path.toString().endsWith(".json") || path.toString().endsWith(".ndjson");
  }
}
