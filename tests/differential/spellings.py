"""The words and values that heads are made of, each list from the usual to the odd."""

from __future__ import annotations

METHODS = [b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH"]
VERSIONS = [
    b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/1.9", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/1", b"HTTP/11",
    b"HTTP/1.10", b"HTTP/01.1", b"HTTP/1.1.1", b"HTTP/+1.1", b"HTTP/1,1", b"http/1.1", b"HTTPS/1.1", b"HTTP/ 1.1",
    b"HTTP 1.1", b"HTTP/1.1 x", b"", b"ICAP/1.0", b"HTTP/1.1\x00", b"HTTP/1.1\t", b"HTTP/-1.1", b"HTTP/1.\xb9",
]  # fmt: skip
BLANKS = [
    b" ",
    b"\t",
    b"  ",
    b"\x0b",
    b"\x0c",
    b"\x00",
    b"\r",
    b"\n",
    b"\xa0",
    b"\x85",
    b"\x01",
    b"\x7f",
    b"\r\n ",
    b"\r\n\t",
]
ENDS = [b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r", b"\x0b\r\n", b"\x00\r\n", b" \r\n", b"\t\r\n", b"\r\n "]
LENGTHS = [
    b"5", b"05", b"+5", b"-5", b" 5 ", b"\t5", b"5,5", b"5, 5", b"5,6", b"5 6", b"5;", b"0x5", b"5.0", b"5e0", b"5_0",
    b"", b"0", b"00", b"-0", b"+0", b"5\x00", b"5\x0b", b"\x0b5", b"5\r", b"\r\n 5", b"\"5\"", b"18446744073709551621",
    b"4294967301", b"9223372036854775808", b"5\xa0", b"\xd9\xa5", b"chunked", b"00000000000000000000000000000005",
]  # fmt: skip
CODINGS = [
    b"chunked", b"Chunked", b"CHUNKED", b" chunked ", b"\tchunked", b"chunked\t", b"xchunked", b"chunked,", b",chunked",
    b"chunked, chunked", b"identity", b"identity, chunked", b"chunked, identity", b"gzip, chunked", b"chunked, gzip",
    b"chunked;q=1", b"\"chunked\"", b"'chunked'", b"chunked\x00", b"\x00chunked", b"\x0bchunked", b"chunked\x0b", b"",
    b"cow", b"chunk", b"chun\r\n ked", b"\r\n chunked", b"chunked\r\n\tx", b"chunked\r", b"chunked\xa0", b"trailers",
    b"chunked chunked", b"ch\xc3\xbcnked", b"\xef\xbb\xbfchunked", b"chunked;", b"chunked , ", b"deflate", b"chunKed",
]  # fmt: skip
NAMES_TE = [
    b"Transfer-Encoding", b"transfer-encoding", b"TRANSFER-ENCODING", b"Transfer_Encoding", b"Transfer.Encoding",
    b"Transfer-Encoding ", b"Transfer-Encoding\t", b" Transfer-Encoding", b"Transfer-Encoding\x00", b"\x00Transfer-Encoding",
    b"Transfer Encoding", b"Transfer-Encod\xc4\xb1ng", b"X: y\nTransfer-Encoding", b"X: y\rTransfer-Encoding", b"TE",
    b"Transfer-Encoding\r\n", b"Transfer\x0bEncoding", b"Transfer--Encoding", b"\xef\xbb\xbfTransfer-Encoding",
]  # fmt: skip
NAMES_CL = [
    b"Content-Length", b"content-length", b"CONTENT-LENGTH", b"Content_Length", b"Content-Length ", b" Content-Length",
    b"Content-Length\t", b"Content-Length\x00", b"X: y\nContent-Length", b"X: y\rContent-Length", b"Content.Length",
    b"Content Length", b"\x00Content-Length", b"Content-Length\x0b", b"Content-Lengt\xc4\xa5", b"Content-Length\r\n",
]  # fmt: skip
HOSTS = [
    b"Host: app.test", b"Host: APP.TEST", b"Host: app.test:80", b"Host:app.test", b"Host: app.test ", b"Host : app.test",
    b"host: app.test\r\nHost: app.test", b"Host: app.test\r\nHost: evil.test", b"Host: app.test, evil.test", b"Host:",
    b"Host: ", b"Host: app.test evil.test", b"Host: user@app.test", b"Host: app.test/closed", b"Host: app.test?x",
    b"Host: app.test#x", b"Host: app.test\\x", b"Host: [::1]", b"Host: [::1", b"Host: ::1", b"Host: app.test:", b"Host: :80",
    b"Host: app.test:99999", b"Host: app.test:-1", b"Host: app.test:8x", b"Host: app%2etest", b"Host: app.test.", b"Host: *",
    b"Host: app..test", b"Host: \"app.test\"", b"Host: app.test\x00evil", b"Host: app\xc3\xa9.test", b"Host: app_x.test",
    b"Host: app.test\r\n :80", b"Host:\r\n app.test", b" Host: app.test", b"X: y\nHost: app.test", b"Host_: app.test",
    b"X-Forwarded-Host: evil.test\r\nHost: app.test", b"Host: app.test;x", b"Host: http://app.test", b"Host: app.test|x",
    b"Host: <app>", b"Host: app.test:80:80", b"Host: 127.1", b"Host: app.test\ttab",
]  # fmt: skip
EXPECTS = [
    b"100-continue", b"100-Continue", b"100-continue, 100-continue", b"100-continue, x", b"x", b"", b"100-continue;q=1",
    b"200-ok", b" 100-continue ", b"100-continue\r\nExpect: 100-continue", b"100-continue\r\nExpect: x", b"100", b"\"100-continue\"",
    b"100-continue\x0b", b"100 continue", b"y 100-continue",
]  # fmt: skip
CONNECTIONS = [
    b"close", b"keep-alive", b"close, keep-alive", b"keep-alive, close", b"Close", b"upgrade", b"Upgrade, close", b"Host",
    b"Cookie", b"Content-Length", b"Transfer-Encoding", b"X-User-Id", b"", b",", b"close,", b";", b"close;x", b"te",
    b"content-length, keep-alive", b"x-forwarded-for", b"keep-alive\r\nConnection: close", b"close\x0b", b"HTTP2-Settings, upgrade",
    b"transfer_encoding", b"\"close\"", b"Trailer", b"Expect", b"Authorization", b"cookie, host",
]  # fmt: skip
UPGRADES = [
    b"websocket", b"WebSocket", b"websocket, h2c", b"h2c", b"h2c, websocket", b"foo", b"", b"TLS/1.0", b"websocket/13",
    b"websocket\r\nUpgrade: h2c", b"HTTP/2.0", b"websocket;x", b"websocket, websocket", b"\x0bwebsocket", b"websocket x",
]  # fmt: skip
HANDSHAKE = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
TRAILERS = [
    b"X-A",
    b"Content-Length",
    b"Transfer-Encoding",
    b"Host",
    b"Cookie",
    b"X-A, X-B",
    b"",
    b"X-User-Id",
    b"trailer",
    b'"X-A"',
]
ODD_FIELDS = [
    b"X: a\r\n b", b"X: a\r\n\tb", b"X: a\r\n  \r\n b", b"X:\r\n b", b"X : a", b"X\t: a", b" X: a", b"\tX: a", b": a", b"X", b"X a",
    b"X:", b":", b"X: a\x00b", b"X\x00: a", b"X: a\x01b", b"X: a\x7fb", b"X: \xff\xfe", b"X\xff: a", b"X(: a", b"X=Y: a", b"X/Y: a",
    b"\"X\": a", b"X: a\rb", b"X: a\nb", b"X: a\nY: b", b"X: a\rY: b", b"X: a\r\r\nY: b", b"X: a\n\nGET /closed/a HTTP/1.1",
    b"X: a\r\rGET /closed/a HTTP/1.1", b"X: a\n\rGET /closed/a HTTP/1.1", b"\x00", b"\x0b", b"X_Y: a", b"X.Y: a", b"X: a" + b"b" * 3000,
    b"X@: a", b"X,Y: a", b"X;Y: a", b"X{: a", b"[X]: a", b"X\\: a", b"X?: a", b"<X>: a",
]  # fmt: skip
OTHERS = [
    b"Content-Type: text/plain", b"Accept: text/html", b"TE: trailers", b"TE: gzip, trailers", b"Keep-Alive: timeout=5",
    b"Proxy-Connection: keep-alive", b"Range: bytes=0-1", b"If-None-Match: *", b"Max-Forwards: 0", b"Via: 1.0 x", b"Upgrade-Insecure-Requests: 1",
    b"HTTP2-Settings: AAMAAABkAAQAAP__", b"Content-Encoding: gzip", b"Content-MD5: x", b"Proxy: http://evil.test",
]  # fmt: skip
