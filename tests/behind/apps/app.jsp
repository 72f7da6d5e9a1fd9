<%@ page contentType="application/json; charset=UTF-8" session="false" trimDirectiveWhitespaces="true" %><%!
private static String text(String value) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : (value == null ? "" : value).toCharArray()) {
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
            out.append(String.format("\\u%04x", (int) c));
        } else {
            out.append(c);
        }
    }
    return out.append('"').toString();
}
%><%
response.setHeader("X-App", "servlet");
String path = request.getServletPath() + (request.getPathInfo() == null ? "" : request.getPathInfo());
String host = request.getServerName();
StringBuilder headers = new StringBuilder();
for (java.util.Enumeration<String> names = request.getHeaderNames(); names.hasMoreElements();) {
    String name = names.nextElement();
    for (java.util.Enumeration<String> values = request.getHeaders(name); values.hasMoreElements();) {
        headers.append(headers.length() == 0 ? "" : ",").append('[').append(text(name)).append(',').append(text(values.nextElement())).append(']');
    }
}
out.print("{\"trace\":" + text(request.getHeader("X-Trace"))
    + ",\"method\":" + text(request.getMethod())
    + ",\"path\":" + text(path)
    + ",\"query\":" + text(request.getQueryString())
    + ",\"host\":" + text(host)
    + ",\"scheme\":" + text(request.getScheme())
    + ",\"client\":" + text(request.getRemoteAddr())
    + ",\"user\":" + text(request.getHeader("X-User-Id"))
    + ",\"other_user\":" + text(request.getRemoteUser())
    + ",\"route\":" + text(config.getInitParameter("route"))
    + ",\"headers\":[" + headers + "]}");
%>
