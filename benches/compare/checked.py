"""Three proxies that check the same token: Envoy, nginx with Lua, and Apache. Each has one worker."""

from __future__ import annotations

import base64

import web
from gateway import COOKIE, Session
from proxies import started
from proxy import Proxy
from stage import Stage, free_port
from tokens import decode
from upstream import Upstream, temp_paths

ENVOY = """
static_resources:
  listeners:
    - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: gate
                use_remote_address: true
                generate_request_id: false
                route_config:
                  virtual_hosts:
                    - {{ name: all, domains: ["*"], routes: [{{ match: {{ prefix: / }}, route: {{ cluster: app }} }}] }}
                http_filters:
                  - name: envoy.filters.http.jwt_authn
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
                      providers:
                        doorward:
                          issuer: doorward
                          audiences: [doorward]
                          from_cookies: ["{cookie}"]
                          clock_skew_seconds: 1
                          claim_to_headers:
                            - {{ header_name: x-user-id, claim_name: sub }}
                            - {{ header_name: x-user-name, claim_name: name }}
                          jwt_cache_config: {{ jwt_cache_size: 1000 }}
                          local_jwks:
                            inline_string: '{{"keys":[{{"kty":"oct","alg":"HS256","kid":"{kid}","k":"{key}"}}]}}'
                      rules: [{{ match: {{ prefix: / }}, requires: {{ provider_name: doorward }} }}]
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
    - name: app
      type: STATIC
      load_assignment:
        cluster_name: app
        endpoints:
          - lb_endpoints:
              - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {upstream} }} }} }}
"""

# The HMAC is OpenSSL's, as in the modules for Lua that Debian does not have.
LUA = """
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
daemon off;
master_process off;
error_log stderr error;
pid {folder}/nginx-lua.pid;
events {{ worker_connections 4000; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    {temp}
    lua_package_path "/usr/share/lua/5.1/?.lua;;";
    init_by_lua_block {{
        local ffi, cjson, base64 = require "ffi", require "cjson.safe", require "ngx.base64"
        ffi.cdef[[
            const void *EVP_sha256(void);
            unsigned char *HMAC(const void *kind, const void *key, int key_length, const char *data,
                                size_t length, unsigned char *out, unsigned int *out_length);
            int CRYPTO_memcmp(const void *a, const void *b, size_t length);
        ]]
        local key, out, length = "{key}", ffi.new("unsigned char[32]"), ffi.new("unsigned int[1]")
        local function object(segment)
            local text = base64.decode_base64url(segment)
            return text and cjson.decode(text)
        end
        function claims_of(token)
            local header, payload, signature = token:match("^([^.]+)%.([^.]+)%.([^.]+)$")
            local head = header and object(header)
            if not head or head.alg ~= "HS256" or head.kid ~= "{kid}" then return nil end
            local message = header .. "." .. payload
            ffi.C.HMAC(ffi.C.EVP_sha256(), key, #key, message, #message, out, length)
            local signed = base64.decode_base64url(signature)
            if not signed or #signed ~= 32 or ffi.C.CRYPTO_memcmp(signed, out, 32) ~= 0 then return nil end
            local claims, now = object(payload), ngx.time()
            if not claims or claims.iss ~= "doorward" or claims.aud ~= "doorward" then return nil end
            if (tonumber(claims.exp) or 0) <= now or (tonumber(claims.nbf) or 0) > now then return nil end
            return claims
        end
    }}
    upstream app {{
        server 127.0.0.1:{upstream};
        keepalive 256;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            set $user_id "";
            set $user_name "";
            access_by_lua_block {{
                local token = ngx.var["cookie_{cookie}"]
                local claims = token and claims_of(token)
                if not claims then return ngx.exit(401) end
                ngx.var.user_id, ngx.var.user_name = claims.sub, claims.name
            }}
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-User-Id $user_id;
            proxy_set_header X-User-Name $user_name;
        }}
    }}
}}
"""

APACHE = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex posixsem
Listen 127.0.0.1:{port}
ErrorLog /dev/stderr
LogLevel crit
{modules}
User daemon
Group daemon
ServerLimit 1
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 64
MaxConnectionsPerChild 0
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 3600
OIDCOAuthVerifySharedKeys plain#{kid}#{key}
OIDCOAuthAcceptTokenAs cookie:{cookie}
OIDCOAuthRemoteUserClaim sub
<Location />
    AuthType oauth20
    <RequireAll>
        Require claim iss:doorward
        Require claim aud:doorward
    </RequireAll>
    RequestHeader set X-User-Id "expr=%{{REMOTE_USER}}"
    RequestHeader set X-User-Name "expr=%{{reqenv:OIDC_CLAIM_name}}"
</Location>
ProxyPass / http://127.0.0.1:{upstream}/
"""

APACHE_MODULES = ["mpm_event", "authn_core", "authz_core", "authz_user", "headers", "proxy", "proxy_http", "auth_openidc"]


def envoy(stage: Stage, upstream: Upstream, session: Session) -> Proxy:
    """Envoy with its filter `jwt_authn`, which keeps a thousand tokens that it has seen."""
    key = base64.urlsafe_b64encode(session.key.encode()).rstrip(b"=").decode()
    text, port = filled(ENVOY, stage, upstream, session, key=key)
    config = stage.write("envoy.yaml", text)
    command = [stage.proxy_program("envoy"), "--concurrency", "1", "--disable-hot-restart", "-l", "error"]
    return started(stage, "Envoy", [*command, "-c", str(config)], port, session)


def nginx_lua(stage: Stage, upstream: Upstream, session: Session) -> Proxy:
    """nginx with a script that checks, as such scripts are written: it remembers no token."""
    text, port = filled(LUA, stage, upstream, session, temp=temp_paths(stage.folder))
    config = stage.write("nginx-lua.conf", text)
    return started(stage, "nginx + Lua", ["nginx", "-e", "stderr", "-c", str(config)], port, session)


def apache(stage: Stage, upstream: Upstream, session: Session) -> Proxy:
    """Apache with mod_auth_openidc, in one process of 64 threads (`-X`)."""
    folder = "/usr/lib/apache2/modules"
    modules = "\n".join(f"LoadModule {name}_module {folder}/mod_{name}.so" for name in APACHE_MODULES)
    text, port = filled(APACHE, stage, upstream, session, modules=modules)
    config = stage.write("apache.conf", text)
    return started(stage, "Apache", ["apache2", "-X", "-f", str(config)], port, session)


def filled(template: str, stage: Stage, upstream: Upstream, session: Session, **more: str) -> tuple[str, int]:
    """A configuration with the key and the names of this run, and its port."""
    port = free_port()
    known = {
        "folder": stage.folder,
        "port": port,
        "upstream": upstream.port,
        "cookie": COOKIE,
        "kid": decode(session.token.split(".")[0])["kid"],
        "key": session.key,
    }
    return template.format(**(known | more)), port
