"""Access tokens that we make ourselves, to see who accepts which."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

HASHES = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}


def encode(data: bytes) -> str:
    """base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> dict:
    """A segment of a token as an object."""
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def variant(
    token: str, key: str, *, header: dict | None = None, claims: dict | None = None, signed: str | None = None
) -> str:
    """The same token with other members, signed by the algorithm that it names, or by another."""
    parts = token.split(".")
    new_header = decode(parts[0]) | (header or {})
    new_claims = decode(parts[1]) | (claims or {})
    message = ".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in (new_header, new_claims))
    kind = HASHES.get(signed or new_header["alg"])
    signature = hmac.new(key.encode(), message.encode(), kind).digest() if kind else b""
    return f"{message}.{encode(signature)}"


def forged(token: str) -> str:
    """The same token with one bit of its signature changed."""
    message, _, signature = token.rpartition(".")
    other = "B" if signature[0] == "A" else "A"
    return f"{message}.{other}{signature[1:]}"


def bad(token: str, key: str) -> dict[str, str]:
    """What nobody may accept, by name."""
    header, _, signature = token.split(".")
    somebody_else = variant(token, key, claims={"sub": "1002"}).split(".")[1]
    return {
        "forged signature": forged(token),
        "changed claims": f"{header}.{somebody_else}.{signature}",
        "alg none": variant(token, key, header={"alg": "none"}),
        "alg HS512": variant(token, key, header={"alg": "HS512"}),
        "alg HS512, signed as HS256": variant(token, key, header={"alg": "HS512"}, signed="HS256"),
        "expired": variant(token, key, claims={"exp": decode(token.split(".")[1])["iat"] - 1}),
        "no token": "unknown",
    }


def foreign(token: str, key: str) -> dict[str, str]:
    """What is signed by the right key and yet not meant for here and now, by name."""
    now = decode(token.split(".")[1])["iat"]
    return {
        "another issuer": variant(token, key, claims={"iss": "somebody-else"}),
        "another audience": variant(token, key, claims={"aud": "somebody-else"}),
        "an unknown key id": variant(token, key, header={"kid": "unknown"}),
        "not valid yet": variant(token, key, claims={"nbf": now + 3600}),
        "no user": variant(token, key, claims={"sub": "9999"}),
        "no end": variant(token, key, claims={"exp": None}),
    }
