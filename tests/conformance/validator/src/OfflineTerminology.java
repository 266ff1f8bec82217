import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.ConceptValidationOptions;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.context.support.ValidationSupportContext;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.CodeSystem;
import org.hl7.fhir.r4.model.CodeSystem.CodeSystemContentMode;
import org.hl7.fhir.r4.model.CodeSystem.ConceptDefinitionComponent;
import org.hl7.fhir.r4.model.ValueSet;
import org.hl7.fhir.r4.model.ValueSet.ConceptSetComponent;

/**
 * Answers value set membership as far as it can be known without a terminology server.
 *
 * <p>A code is in, out, or unknowable (a SNOMED CT filter, a licensed code system whose codes are not here). Enumerated codes are decided
 * for real; unknowable ones pass and are counted in {@link #unchecked}, so that nothing is silently called valid.
 */
final class OfflineTerminology implements IValidationSupport {
  private enum Member { IN, OUT, UNKNOWABLE, DELEGATE }

  private final FhirContext context;
  private final Map<String, Set<String>> complete = new ConcurrentHashMap<>();
  private final Map<String, Integer> unchecked = new TreeMap<>();

  OfflineTerminology(FhirContext context) { this.context = context; }

  /** Returns how often a code could not be decided, by value set and code system. */
  synchronized Map<String, Integer> unchecked() { return Map.copyOf(unchecked); }

  @Override public FhirContext getFhirContext() { return context; }

  @Override public boolean isValueSetSupported(ValidationSupportContext support, String url) {
    return url != null && support.getRootValidationSupport().fetchValueSet(url) != null;
  }

  @Override public boolean isCodeSystemSupported(ValidationSupportContext support, String system) {
    return known(support, system);
  }

  @Override public CodeValidationResult validateCode(
      ValidationSupportContext support, ConceptValidationOptions options, String system, String code, String display, String valueSetUrl) {
    if (valueSetUrl == null || valueSetUrl.isBlank()) return inCodeSystem(support, system, code, display);
    IBaseResource valueSet = support.getRootValidationSupport().fetchValueSet(valueSetUrl);
    return valueSet == null ? null : validateCodeInValueSet(support, options, system, code, display, valueSet);
  }

  @Override public CodeValidationResult validateCodeInValueSet(
      ValidationSupportContext support, ConceptValidationOptions options, String system, String code, String display, IBaseResource resource) {
    if (system == null || system.isBlank() || !(resource instanceof ValueSet valueSet) || !valueSet.hasCompose()) return null;
    Member member = member(support, valueSet, system, code);
    if (member == Member.UNKNOWABLE) count(valueSet.getName() + " " + system);
    return switch (member) {
      case DELEGATE -> null;
      case OUT -> refused(system, code, "is not in value set " + valueSet.getName());
      case IN, UNKNOWABLE -> new CodeValidationResult().setCode(code).setCodeSystemName(system).setDisplay(display);
    };
  }

  /**
   * Refuses a display that belongs to another code (how a code that slipped in a table shows itself), and a code outside a fragment: a
   * fragment here lists what we write. Leaves all else to the supports behind this one.
   */
  private static CodeValidationResult inCodeSystem(ValidationSupportContext support, String system, String code, String display) {
    if (system == null || !(support.getRootValidationSupport().fetchCodeSystem(system) instanceof CodeSystem found)) return null;
    ConceptDefinitionComponent concept = concept(found.getConcept(), code);
    if (concept == null) {
      boolean fragment = found.getContent() == CodeSystemContentMode.FRAGMENT;
      return fragment ? reported(system, code, "is not in the fragment that is here", CodeValidationIssueCoding.INVALID_CODE) : null;
    }
    if (display == null || display.isBlank() || named(concept, display)) return null;
    return reported(system, code, "has another display: " + concept.getDisplay(), CodeValidationIssueCoding.INVALID_DISPLAY);
  }

  private static CodeValidationResult refused(String system, String code, String why) {
    return new CodeValidationResult().setSeverity(IssueSeverity.ERROR).setMessage("Code " + system + "#" + code + " " + why);
  }

  /** As {@link #refused}, with an issue: outside value sets the validator reports issues alone. */
  private static CodeValidationResult reported(String system, String code, String why, CodeValidationIssueCoding kind) {
    CodeValidationResult result = refused(system, code, why);
    return result.addIssue(new CodeValidationIssue(result.getMessage(), IssueSeverity.ERROR, CodeValidationIssueCode.CODE_INVALID, kind));
  }

  private static boolean named(ConceptDefinitionComponent concept, String display) {
    return display.equalsIgnoreCase(concept.getDisplay())
        || concept.getDesignation().stream().anyMatch(designation -> display.equalsIgnoreCase(designation.getValue()));
  }

  private static ConceptDefinitionComponent concept(List<ConceptDefinitionComponent> concepts, String code) {
    for (ConceptDefinitionComponent concept : concepts) {
      if (concept.getCode().equals(code)) return concept;
      ConceptDefinitionComponent below = concept(concept.getConcept(), code);
      if (below != null) return below;
    }
    return null;
  }

  private synchronized void count(String what) { unchecked.merge(what, 1, Integer::sum); }

  private Member member(ValidationSupportContext support, ValueSet valueSet, String system, String code) {
    for (ConceptSetComponent exclude : valueSet.getCompose().getExclude())
      if (included(support, exclude, system, code) == Member.IN) return Member.OUT;
    Member best = Member.OUT;
    for (ConceptSetComponent include : valueSet.getCompose().getInclude()) {
      Member member = included(support, include, system, code);
      if (member == Member.IN) return member;
      if (member != Member.OUT && best != Member.DELEGATE) best = member;
    }
    return best;
  }

  private Member included(ValidationSupportContext support, ConceptSetComponent include, String system, String code) {
    Member member = include.hasSystem() ? inSystem(support, include, system, code) : Member.IN;
    for (var reference : include.getValueSet()) {
      if (member == Member.OUT) return member;
      IBaseResource nested = support.getRootValidationSupport().fetchValueSet(reference.getValue());
      Member inner = nested instanceof ValueSet v ? member(support, v, system, code) : Member.UNKNOWABLE;
      if (inner != Member.IN) member = inner;
    }
    return member;
  }

  private Member inSystem(ValidationSupportContext support, ConceptSetComponent include, String system, String code) {
    if (!include.getSystem().equals(system)) return Member.OUT;
    if (include.hasConcept()) return include.getConcept().stream().anyMatch(c -> c.getCode().equals(code)) ? Member.IN : Member.OUT;
    Set<String> codes = complete.computeIfAbsent(system, s -> codes(support, s));
    if (codes.isEmpty()) return known(support, system) || !common(system) ? Member.UNKNOWABLE : Member.DELEGATE;
    if (include.hasFilter()) return Member.DELEGATE;
    return codes.contains(code) ? Member.IN : Member.OUT;
  }

  private static boolean known(ValidationSupportContext support, String system) {
    return system != null && support.getRootValidationSupport().fetchCodeSystem(system) != null;
  }

  /** Systems that the validator knows by rule (a grammar, a published list) instead of by a CodeSystem. */
  private static boolean common(String system) {
    return system.startsWith("urn:ietf:") || system.startsWith("urn:iso:std:iso:") || system.equals("http://unitsofmeasure.org");
  }

  private static Set<String> codes(ValidationSupportContext support, String system) {
    Set<String> found = new HashSet<>();
    if (support.getRootValidationSupport().fetchCodeSystem(system) instanceof CodeSystem c && c.getContent() == CodeSystemContentMode.COMPLETE)
      collect(c.getConcept(), found);
    return found;
  }

  private static void collect(List<ConceptDefinitionComponent> concepts, Set<String> found) {
    for (ConceptDefinitionComponent concept : concepts) {
      found.add(concept.getCode());
      collect(concept.getConcept(), found);
    }
  }
}
