import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/** Gives a bearer for an assertion at /token, which HAPI leaves to others, and lets nobody pass without one. */
public class Door implements Filter {
  private static final String ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

  private final Set<String> bearers = ConcurrentHashMap.newKeySet();

  @Override
  public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain) throws IOException, ServletException {
    var asked = (HttpServletRequest) request;
    var answer = (HttpServletResponse) response;
    if (asked.getRequestURI().equals("/token")) {
      token(asked, answer);
    } else if (admitted(asked)) {
      chain.doFilter(request, response);
    } else {
      answer.setHeader("WWW-Authenticate", "Bearer");
      answer.setStatus(401);
    }
  }

  private boolean admitted(HttpServletRequest asked) {
    String header = asked.getHeader("Authorization");
    return header != null && header.startsWith("Bearer ") && bearers.contains(header.substring(7));
  }

  private void token(HttpServletRequest asked, HttpServletResponse answer) throws IOException {
    boolean signed = ASSERTION.equals(asked.getParameter("client_assertion_type")) && asked.getParameter("client_assertion") != null;
    String bearer = UUID.randomUUID().toString();
    if (signed) {
      bearers.add(bearer);
    }
    answer.setStatus(signed ? 200 : 401);
    answer.setContentType("application/json");
    answer.getWriter().write(signed
        ? "{\"access_token\": \"" + bearer + "\", \"token_type\": \"bearer\", \"expires_in\": 300}"
        : "{\"error\": \"invalid_client\"}");
  }
}
