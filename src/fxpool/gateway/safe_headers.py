"""What every answer tells browsers not to do with it. Pure.

No guessing of types, no frame around it, no copy kept, no address of ours passed on to other sites.
A page states in its own policy what it needs; whatever states none may load nothing.

Source: OWASP, "HTTP Headers Cheat Sheet" and "REST Security Cheat Sheet".
"""

from __future__ import annotations

from typing import Final

_POLICY: Final = b"content-security-policy"
_UNFRAMED: Final = b"frame-ancestors 'none'; base-uri 'none'"
_FORMLESS: Final = b"form-action 'none'"
_NOTHING: Final = b"default-src 'none'; " + _UNFRAMED + b"; " + _FORMLESS

_FIXED: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
_UNLESS_STATED: Final = (
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)

DOCS_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    b"connect-src 'self'; img-src data:; " + _UNFRAMED + b"; " + _FORMLESS
)
"""What the page about the API loads."""

SAFE_HEADERS: Final = (*_FIXED, *_UNLESS_STATED, (_POLICY, _NOTHING))
"""Those of an answer that states none itself."""


def made_safe(headers: list[tuple[bytes, bytes]], *, is_docs: bool) -> list[tuple[bytes, bytes]]:
    """Return headers with ours; a policy that says nothing of frames forbids them."""
    stated = {name.lower(): value for name, value in headers}
    if stated.keys().isdisjoint(_OURS) and not is_docs:
        return [*headers, *SAFE_HEADERS]
    kept = [each for each in headers if each[0].lower() not in _OURS]
    kept += [(name, stated.get(name, value)) for name, value in _UNLESS_STATED]
    policy = stated.get(_POLICY, DOCS_POLICY if is_docs else _NOTHING)
    if b"frame-ancestors" not in policy:
        policy += b"; " + _UNFRAMED
    if b"form-action" not in policy:
        policy += b"; " + _FORMLESS
    return [*kept, *_FIXED, (_POLICY, policy)]


_OURS: Final = frozenset(name for name, _ in SAFE_HEADERS)
