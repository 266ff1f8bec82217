import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.parser.IParser;
import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.hl7.fhir.r4.model.CodeSystem;
import org.hl7.fhir.r4.model.CodeSystem.CodeSystemContentMode;
import org.hl7.fhir.r4.model.MetadataResource;
import org.hl7.fhir.r4.model.Resource;
import org.hl7.fhir.r4.model.StructureDefinition;
import org.hl7.fhir.r4.model.ValueSet;

/** Reads profiles, value sets and code systems from folders, by canonical; a later folder overrides an earlier one. */
final class Definitions {
  private Definitions() {}

  static Collection<Resource> load(FhirContext context, List<Path> folders) throws IOException {
    IParser parser = context.newJsonParser();
    Map<String, Resource> found = new LinkedHashMap<>();
    for (Path folder : folders) for (Path file : JsonFiles.under(folder)) {
      JsonElement json = JsonParser.parseString(Files.readString(file));
      if (!json.isJsonObject() || !json.getAsJsonObject().has("resourceType")) continue;
      if (parser.parseResource(json.toString()) instanceof MetadataResource resource && wanted(resource))
        found.put(resource.getUrl(), resource);
    }
    return found.values();
  }

  private static boolean wanted(MetadataResource resource) {
    if (resource instanceof CodeSystem system) return usable(system);
    return resource instanceof StructureDefinition || resource instanceof ValueSet;
  }

  /** A system without its codes would make every code of it an error; unknown systems give a warning instead. */
  private static boolean usable(CodeSystem system) {
    return system.getContent() == CodeSystemContentMode.COMPLETE || system.getContent() == CodeSystemContentMode.FRAGMENT;
  }
}
