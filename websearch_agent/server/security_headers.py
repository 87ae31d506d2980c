"""Headers on every response: what the browser may load, run and tell others.

Plain ASGI, because Starlette's BaseHTTPMiddleware keeps a disconnect from reaching a stream.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The page is made of our own files only. Nothing foreign is ever loaded: no image of a page, no
# favicon of a site, no font; what a source is called comes as text.
_CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    # Falls back to script-src, not to default-src.
    "worker-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    # A string becomes markup in one place only (`showServerHtml` in dom.js), which owns the policy
    # of this name. Browsers that do not know Trusted Types leave out both lines.
    "require-trusted-types-for": "'script'",
    "trusted-types": "server-html",
}

# Nobody gets what this program does not use, not even a script that should not be there. Only
# names that Chromium knows: it complains in the console about others.
_REFUSED_FEATURES = (
    "accelerometer",
    "browsing-topics",
    "camera",
    "clipboard-read",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "usb",
    "xr-spatial-tracking",
)

SECURITY_HEADERS = {
    "Content-Security-Policy": "; ".join(
        f"{directive} {value}" for directive, value in _CONTENT_SECURITY_POLICY.items()
    ),
    "Permissions-Policy": ", ".join(f"{name}=()" for name in _REFUSED_FEATURES),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Chromium looks up the hosts of all links of a page that came over plain HTTP: whoever answers
    # for a source's name would learn that its card is being read.
    "X-DNS-Prefetch-Control": "off",
}


class SecurityHeaders:
    """Adds the security headers to every response; nothing is cached unless a route says so."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, send_with_headers)
