import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Collections;

/** A servlet for every method that says what it was asked. */
public class Answer extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        StringBuilder headers = new StringBuilder();
        for (String name : Collections.list(request.getHeaderNames())) {
            for (String value : Collections.list(request.getHeaders(name))) {
                headers.append(headers.length() == 0 ? "" : ",").append('[').append(text(name)).append(',').append(text(value)).append(']');
            }
        }
        String rest = request.getPathInfo() == null ? "" : request.getPathInfo();
        response.setHeader("X-App", "servlet");
        response.setContentType("application/json");
        response.getWriter().print("{\"trace\":" + text(request.getHeader("X-Trace"))
            + ",\"method\":" + text(request.getMethod())
            + ",\"path\":" + text(request.getContextPath() + request.getServletPath() + rest)
            + ",\"query\":" + text(request.getQueryString())
            + ",\"host\":" + text(request.getServerName())
            + ",\"scheme\":" + text(request.getScheme())
            + ",\"client\":" + text(request.getRemoteAddr())
            + ",\"user\":" + text(request.getHeader("X-User-Id"))
            + ",\"other_user\":" + text(request.getRemoteUser())
            + ",\"route\":" + text(getInitParameter("route"))
            + ",\"headers\":[" + headers + "]}");
    }

    private static String text(String value) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : (value == null ? "" : value).toCharArray()) {
            out.append(c < 0x20 || c > 0x7e || c == '"' || c == '\\' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
        }
        return out.append('"').toString();
    }
}
