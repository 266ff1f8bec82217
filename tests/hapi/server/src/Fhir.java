import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.partition.IPartitionLookupSvc;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.tenant.UrlBaseTenantIdentificationStrategy;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** HAPI's own server with all its resource types, addressed as the portal contract has it: {base}/fhir/{member}/Type/id. */
@Configuration
public class Fhir {
  @Bean
  RestfulServer restfulServer(
      IFhirSystemDao<?, ?> system,
      IJpaSystemProvider transactions,
      ResourceProviderFactory types,
      JpaStorageSettings settings,
      ISearchParamRegistry parameters,
      IValidationSupport support,
      DatabaseBackedPagingProvider paging,
      IPartitionLookupSvc partitions) {
    var server = new RestfulServer(system.getContext());
    server.registerProviders(types.createProviders());
    server.registerProvider(transactions);
    server.setPagingProvider(paging);
    server.setServerConformanceProvider(new JpaCapabilityStatementProvider(server, system, settings, parameters, support));
    server.setTenantIdentificationStrategy(new UrlBaseTenantIdentificationStrategy());
    server.registerInterceptor(new Members(partitions));
    return server;
  }
}
