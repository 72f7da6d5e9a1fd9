"""A Django site that says what it was asked, for WSGI (`application`) and ASGI (`asgi`)."""

from __future__ import annotations

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import re_path

settings.configure(
    SECRET_KEY="only for this test",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_X_FORWARDED_HOST=True,
    USE_X_FORWARDED_PORT=False,
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
)


def answer(request, route="other"):
    """What this request is to Django."""
    said = {
        "trace": request.headers.get("X-Trace", ""),
        "method": request.method,
        "path": request.path_info,
        "query": request.META.get("QUERY_STRING", ""),
        "host": request.get_host(),
        "scheme": request.scheme,
        "client": request.META.get("REMOTE_ADDR", ""),
        "user": request.META.get("HTTP_X_USER_ID", ""),
        "other_user": request.META.get("REMOTE_USER", ""),
        "route": route,
        "headers": [[key[5:], value] for key, value in request.META.items() if key.startswith("HTTP_")],
    }
    return JsonResponse(said, headers={"X-App": "django"})


urlpatterns = [re_path(rf"^{name}(?:/|\Z)", answer, {"route": name}) for name in ("admin", "public", "static", "files")]
urlpatterns.append(re_path(r"(?s)^.*\Z", answer))
application = get_wsgi_application()
asgi = get_asgi_application()
