"""A container registry: an image is pushed and pulled by the calls of the OCI distribution specification."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import urlparse

from app import App, Visit, must
from stage import Stage

CONFIG = """
version: 0.1
log: {{ level: warn }}
storage: {{ filesystem: {{ rootdirectory: {folder}/registry }}, delete: {{ enabled: true }} }}
http: {{ addr: "127.0.0.1:{port}" }}
"""
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Registry(App):
    """An empty registry."""

    name = "docker-registry"
    addresses = ("/v2/", "/v2/_catalog", "/v2/trial/blobs/uploads/", "/v2/trial/manifests/latest")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        config = stage.write("registry.yml", CONFIG.format(folder=stage.folder, port=port))
        stage.start("docker-registry", [stage.program("docker-registry"), "serve", config])

    def use(self, visit: Visit) -> str:
        layer = bytes(range(256)) * 20_000
        described = [self.push(visit, blob) for blob in (b"{}", layer)]
        manifest = json.dumps({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described[0] | {"mediaType": "application/vnd.oci.image.config.v1+json"},
            "layers": [described[1] | {"mediaType": "application/vnd.oci.image.layer.v1.tar"}],
        })
        ask = visit.client.ask
        put = ask("PUT", "/v2/trial/manifests/latest", manifest, {"Content-Type": MANIFEST})
        must(put.status == 201, put)
        got = ask("GET", "/v2/trial/manifests/latest", headers={"Accept": MANIFEST})
        must(got.text == manifest, got)
        pulled = ask("GET", f"/v2/trial/blobs/{described[1]['digest']}")
        must(pulled.body == layer, f"{pulled.status}, {len(pulled.body)} bytes")
        browser = visit.browser
        browser.sign_in("/v2/_catalog")
        browser.shows('"trial"')
        return "an image of 5 MB was pushed in two requests a layer and pulled again"

    def push(self, visit: Visit, blob: bytes) -> dict[str, object]:
        """Uploads a blob as clients do: where to is in the answer to the first request."""
        ask, origin = visit.client.ask, visit.gateway.origin
        begun = ask("POST", "/v2/trial/blobs/uploads/")
        must(begun.status == 202, begun)
        # It makes a whole address, of the Host and of X-Forwarded-Proto.
        where = begun.headers["location"]
        must(where.startswith(origin + "/"), f"it sends clients to {where}, not to {origin}")
        parts = urlparse(where)
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        first = ask("PATCH", f"{parts.path}?{parts.query}", blob, {"Content-Type": "application/octet-stream"})
        must(first.status == 202, first)
        parts = urlparse(first.headers["location"])
        done = ask("PUT", f"{parts.path}?{parts.query}&digest={digest}")
        must(done.status == 201, done)
        return {"digest": digest, "size": len(blob)}
