<?php
// Says what it was asked as Symfony sees it, which Laravel builds on, and what PHP itself says.
require '/usr/share/php/Symfony/Component/HttpFoundation/autoload.php';

use Symfony\Component\HttpFoundation\Request;

Request::setTrustedProxies(
    ['127.0.0.1'],
    Request::HEADER_X_FORWARDED_FOR | Request::HEADER_X_FORWARDED_HOST | Request::HEADER_X_FORWARDED_PROTO
        | Request::HEADER_X_FORWARDED_PORT | Request::HEADER_X_FORWARDED_PREFIX
);
Request::enableHttpMethodParameterOverride();
$request = Request::createFromGlobals();
$headers = [];
foreach ($_SERVER as $name => $value) {
    if (strncmp($name, 'HTTP_', 5) === 0) {
        $headers[] = [substr($name, 5), $value];
    }
}
header('X-App: php');
header('Content-Type: application/json');
$flags = JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES;
try {
    $is_tool = $_SERVER['SCRIPT_NAME'] !== '/index.php';
    $path = $is_tool ? $_SERVER['SCRIPT_NAME'] . $_SERVER['PATH_INFO'] : rawurldecode($request->getPathInfo());
    // The first segment, as a router takes it.
    $route = preg_match('#^/(admin|public|static|files)(/|$)#D', $path, $found) ? $found[1] : 'other';
    echo json_encode([
        'trace' => $_SERVER['HTTP_X_TRACE'] ?? '',
        'method' => $request->getMethod(),
        'path' => $path,
        'query' => $_SERVER['QUERY_STRING'] ?? '',
        'host' => $request->getHttpHost(),
        'scheme' => $request->getScheme(),
        'client' => $request->getClientIp(),
        'user' => $_SERVER['HTTP_X_USER_ID'] ?? '',
        'other_user' => $request->getUser() ?? $_SERVER['REMOTE_USER'] ?? '',
        'route' => $route,
        'headers' => $headers,
    ], $flags);
} catch (Throwable $error) {
    http_response_code(400);
    header_remove('X-App');
}
