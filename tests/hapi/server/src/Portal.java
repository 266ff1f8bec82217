import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.rest.server.RestfulServer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.web.embedded.tomcat.TomcatServletWebServerFactory;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.boot.web.servlet.ServletRegistrationBean;
import org.springframework.boot.web.servlet.context.ServletWebServerApplicationContext;
import org.springframework.boot.web.servlet.server.ServletWebServerFactory;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;

/** Starts the server on a free port of this machine, and writes that port to the file that its one argument names. */
@Configuration
@Import({Storage.class, Fhir.class, JpaR4Config.class})
public class Portal {
  public static void main(String[] arguments) throws Exception {
    var application = new SpringApplication(Portal.class);
    application.setAllowCircularReferences(true); // HAPI's own beans need it
    application.setBannerMode(Banner.Mode.OFF);
    var context = (ServletWebServerApplicationContext) application.run();
    Path ready = Path.of(arguments[0]);
    Path written = ready.resolveSibling(ready.getFileName() + ".part");
    Files.writeString(written, "{\"port\": " + context.getWebServer().getPort() + "}");
    Files.move(written, ready);
  }

  @Bean
  ServletWebServerFactory web() throws Exception {
    var factory = new TomcatServletWebServerFactory(0);
    factory.setAddress(java.net.InetAddress.getLoopbackAddress());
    factory.setRegisterDefaultServlet(true); // without a servlet for an address no filter is asked
    return factory;
  }

  @Bean
  ServletRegistrationBean<RestfulServer> fhirServlet(RestfulServer server) {
    var registered = new ServletRegistrationBean<>(server, "/fhir/*");
    registered.setLoadOnStartup(1);
    return registered;
  }

  @Bean
  FilterRegistrationBean<Door> door() {
    return new FilterRegistrationBean<>(new Door());
  }
}
