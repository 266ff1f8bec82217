import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.jpa.api.IDaoRegistry;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.config.HibernatePropertiesProvider;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.config.util.ResourceCountCacheUtil;
import ca.uhn.fhir.jpa.dao.search.HSearchSortHelperImpl;
import ca.uhn.fhir.jpa.dao.search.IHSearchSortHelper;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.PartitionSettings.CrossPartitionReferenceMode;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.provider.DaoRegistryResourceSupportedSvc;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.search.IStaleSearchDeletingSvc;
import ca.uhn.fhir.jpa.search.StaleSearchDeletingSvcImpl;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.jpa.util.ResourceCountCache;
import ca.uhn.fhir.rest.api.IResourceSupportedSvc;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import jakarta.persistence.EntityManagerFactory;
import java.util.Map;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.hibernate.dialect.Dialect;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Primary;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;
import org.springframework.transaction.annotation.EnableTransactionManagement;

/** Where HAPI keeps what it is given: a database in memory, a partition for each member, references that must lead somewhere. */
@Configuration
@EnableTransactionManagement
@Import({ThreadPoolFactoryConfig.class, JpaBatch2Config.class, Batch2JobsConfig.class, SubscriptionChannelConfig.class})
public class Storage {
  @Bean
  DataSource dataSource() {
    var source = new BasicDataSource();
    source.setDriver(new org.h2.Driver());
    source.setUrl("jdbc:h2:mem:portal;DB_CLOSE_DELAY=-1");
    source.setMaxTotal(16);
    return source;
  }

  @Bean
  JpaStorageSettings storageSettings() {
    var settings = new JpaStorageSettings();
    // The gateway's ids are its own; by default one of digits only is refused.
    settings.setResourceClientIdStrategy(JpaStorageSettings.ClientIdStrategyEnum.ANY);
    settings.setResourceServerIdStrategy(JpaStorageSettings.IdStrategyEnum.UUID);
    settings.setEnforceReferentialIntegrityOnWrite(true);
    settings.setEnforceReferentialIntegrityOnDelete(true);
    settings.setAutoCreatePlaceholderReferenceTargets(false);
    // meta comes back as it was written: by default labels go to tables of their own and the source gets an id of the request.
    settings.setTagStorageMode(JpaStorageSettings.TagStorageModeEnum.INLINE);
    settings.setStoreMetaSourceInformation(JpaStorageSettings.StoreMetaSourceInformationEnum.SOURCE_URI_AND_REQUEST_ID);
    settings.setPreserveRequestIdInResourceBody(true);
    // A listing shows what is there now, not what was there a minute ago.
    settings.setReuseCachedSearchResultsForMillis(null);
    settings.setSchedulingDisabled(true);
    return settings;
  }

  @Bean
  PartitionSettings partitionSettings() {
    var settings = new PartitionSettings();
    settings.setPartitioningEnabled(true);
    // Only so may two members hold the same id.
    settings.setDatabasePartitionMode(true);
    settings.setDefaultPartitionId(0);
    settings.setAllowReferencesAcrossPartitions(CrossPartitionReferenceMode.NOT_ALLOWED);
    return settings;
  }

  @Bean
  SubscriptionSettings subscriptionSettings() {
    return new SubscriptionSettings();
  }

  @Bean
  LocalContainerEntityManagerFactoryBean entityManagerFactory(
      DataSource source, ConfigurableListableBeanFactory beans, FhirContext context, JpaStorageSettings settings) {
    var factory = HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, context, settings);
    factory.setPersistenceUnitName("portal");
    factory.setDataSource(source);
    factory.setJpaPropertyMap(Map.of(
        "hibernate.dialect", HapiFhirH2Dialect.class.getName(),
        "hibernate.hbm2ddl.auto", "create",
        "hibernate.search.enabled", "false"));
    return factory;
  }

  @Bean
  @Primary
  JpaTransactionManager transactionManager(EntityManagerFactory factory) {
    return new JpaTransactionManager(factory);
  }

  @Bean
  @Primary
  HibernatePropertiesProvider hibernateProperties() {
    return new HibernatePropertiesProvider() {
      @Override
      public Dialect getDialect() {
        return new HapiFhirH2Dialect();
      }
    };
  }

  @Bean
  DatabaseBackedPagingProvider paging() {
    var paging = new DatabaseBackedPagingProvider();
    paging.setMaximumPageSize(500);
    return paging;
  }

  @Bean
  IResourceSupportedSvc supported(IDaoRegistry registry) {
    return new DaoRegistryResourceSupportedSvc(registry);
  }

  @Bean
  ResourceCountCache myResourceCountsCache(IFhirSystemDao<?, ?> system) {
    return ResourceCountCacheUtil.newResourceCountCache(system);
  }

  @Bean
  IStaleSearchDeletingSvc staleSearches() {
    return new StaleSearchDeletingSvcImpl();
  }

  @Bean
  IHSearchSortHelper sorting(ISearchParamRegistry registry) {
    return new HSearchSortHelperImpl(registry);
  }
}
