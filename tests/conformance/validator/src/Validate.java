import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport.IssueSeverity;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

/**
 * Validates FHIR R4 resources with HL7's own instance validator, without a network.
 *
 * <p>Arguments: {@code --definitions DIR} (repeatable; profiles, value sets, code systems as JSON), then files or folders: {@code .json} =
 * one resource or a Bundle (validated whole), {@code .ndjson} = one resource a line. One JSON line per finding goes to standard output, a
 * summary to standard error. Exit code 0 without errors, 1 with errors, 2 for a bad call.
 */
public final class Validate {
  private static final Gson GSON = new Gson();

  private final FhirValidator validator;
  private final PrintStream out;
  private int checked;
  private int errors;
  private int warnings;

  private Validate(FhirValidator validator, PrintStream out) {
    this.validator = validator;
    this.out = out;
  }

  public static void main(String[] args) throws IOException {
    List<Path> definitions = new ArrayList<>();
    List<Path> inputs = new ArrayList<>();
    for (int i = 0; i < args.length; i++) {
      boolean folder = args[i].equals("--definitions") && i + 1 < args.length;
      if (folder) definitions.add(Path.of(args[++i]));
      else inputs.add(Path.of(args[i]));
    }
    if (definitions.isEmpty() || inputs.isEmpty()) {
      System.err.println("usage: Validate --definitions DIR... FILE|DIR...");
      System.exit(2);
    }
    System.exit(run(definitions, inputs) == 0 ? 0 : 1);
  }

  /** Validates all inputs and returns the number of errors. */
  private static int run(List<Path> definitions, List<Path> inputs) throws IOException {
    FhirContext context = FhirContext.forR4();
    OfflineTerminology terminology = new OfflineTerminology(context);
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    Validate run = new Validate(validator(context, terminology, definitions), out);
    for (Path input : inputs) for (Path file : JsonFiles.under(input)) run.file(file);
    out.flush();
    terminology.unchecked().forEach((what, n) -> System.err.printf("not checkable offline: %d x %s%n", n, what));
    System.err.printf("%d checked, %d errors, %d warnings%n", run.checked, run.errors, run.warnings);
    return run.errors;
  }

  private void file(Path file) throws IOException {
    boolean lines = file.toString().endsWith(".ndjson");
    List<String> texts = lines ? Files.readAllLines(file) : List.of(Files.readString(file));
    for (int n = 0; n < texts.size(); n++) if (!texts.get(n).isBlank()) resource(file, n + 1, texts.get(n));
  }

  private void resource(Path file, int line, String text) {
    checked++;
    for (SingleValidationMessage message : validator.validateWithResult(text).getMessages()) {
      if (message.getSeverity() == ResultSeverityEnum.INFORMATION) continue;
      if (message.getSeverity() == ResultSeverityEnum.WARNING) warnings++;
      else errors++;
      out.println(GSON.toJson(finding(file, line, message)));
    }
  }

  private static JsonObject finding(Path file, int line, SingleValidationMessage message) {
    JsonObject finding = new JsonObject();
    finding.addProperty("file", file.getFileName().toString());
    finding.addProperty("line", line);
    finding.addProperty("severity", message.getSeverity().getCode());
    finding.addProperty("path", message.getLocationString());
    finding.addProperty("id", message.getMessageId());
    finding.addProperty("message", message.getMessage());
    return finding;
  }

  private static FhirValidator validator(FhirContext context, OfflineTerminology terminology, List<Path> definitions) throws IOException {
    PrePopulatedValidationSupport own = new PrePopulatedValidationSupport(context);
    Definitions.load(context, definitions).forEach(own::addResource);
    UnknownCodeSystemWarningValidationSupport unknown = new UnknownCodeSystemWarningValidationSupport(context);
    unknown.setNonExistentCodeSystemSeverity(IssueSeverity.WARNING);
    ValidationSupportChain chain = new ValidationSupportChain(
        own,
        new DefaultProfileValidationSupport(context),
        terminology,
        new CommonCodeSystemsTerminologyService(context),
        new InMemoryTerminologyServerValidationSupport(context),
        new SnapshotGeneratingValidationSupport(context),
        unknown) {
      @Override public boolean isCodeableConceptValidationSuccessfulIfNotAllCodingsAreValid() { return true; }
    };
    FhirInstanceValidator instance = new FhirInstanceValidator(chain);
    instance.setErrorForUnknownProfiles(true);
    instance.setAnyExtensionsAllowed(false);
    return context.newValidator().registerValidatorModule(instance);
  }
}
