"""Linking accounts in a browser: the consent page, the way back from it, and what is linked.

The service does not give ``state`` back, so it is kept in a cookie that only the callback sees.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from html import escape
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.access.gatekeeper import guarded, tell_audit
from fxpool.gateway.errors import request_id_of
from fxpool.gateway.exact_json import answer
from fxpool.gateway.openapi import Forgotten, answers
from fxpool.gateway.routes.common import new_router, query_parameters
from fxpool.platforms.base import PlatformError
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.platforms.ctrader_consent import CTraderConsent, LinkOffer, LinkResult, LinkStatus
from fxpool.platforms.several import SeveralPlatforms

STATE_COOKIE: Final = "fxpool_consent"
_COOKIE_SECONDS: Final = 600
_NO_STORE: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}
_STYLE: Final = "body{font:16px system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}"

_HEAD: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>fxpool</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    f"<style>{_STYLE}</style>"
)
_LINK_PAGE: Final = (
    f"{_HEAD}<h1>Link your account</h1>"
    "<p>You go to cTrader, sign in there and tick the account that you were asked to link. This "
    "pool never sees your password. The link works once.</p>"
    '<form method="post"><button>Continue to cTrader</button></form></html>'
)

router = new_router("oauth")


async def _platform(request: Request) -> CTraderPlatform:
    """Return the platform itself: what a caller may do with it, each route asks the guard."""
    platform = request.app.platform
    if isinstance(platform, SeveralPlatforms):
        platform = platform.part(CTraderPlatform)
    if not isinstance(platform, CTraderPlatform):
        raise PlatformError(404, "NOT_FOUND", "this gateway has no cTrader accounts to link")
    return platform


OnCTrader = Annotated[CTraderPlatform, Depends(_platform)]


Call = Callable[..., Awaitable[Response]]


def for_people(endpoint: Call) -> Call:
    """Have an endpoint's errors shown as a page where a browser asks, not as JSON."""

    @wraps(endpoint)
    async def shown(request: Request, **arguments: Any) -> Response:
        try:
            return await endpoint(request, **arguments)
        except PlatformError as error:
            if "text/html" not in request.headers.get("accept", ""):
                raise
            tell_audit(request.scope, after={"code": error.code, "detail": error.detail})
            page = _problem(error.detail, request_id_of(request.scope))
            return HTMLResponse(page, error.status, headers=_NO_STORE)

    return shown


_ERROR: Final = answers(Forgotten)["default"]
_PAGE: Final = {"text/html": {"schema": {"type": "string"}}}


@router.get(
    "/oauth/authorize",
    status_code=302,
    response_class=RedirectResponse,
    responses={
        302: {"description": "To the page where the owner consents"},
        401: {"description": "To link accounts takes a key"},
        404: {"description": "No such account, or no cTrader accounts here"},
        409: {"description": "The name is that of two accounts"},
        "default": _ERROR,
    },
    openapi_extra=query_parameters(
        account_id="which account to link; may be repeated", scope="trading or accounts"
    ),
)
@performs(Operation.OPEN)
@for_people
async def authorize(request: Request, platform: OnCTrader) -> Response:
    """Send the browser to the page where the accounts' owner consents.

    Query: ``account_id`` (repeatable) and ``scope``, trading or accounts.
    """
    keys, scope = _asked(request, platform)
    page, state = await platform.consent.begin(keys, scope)
    return remembering(RedirectResponse(page, 302), state, platform.consent.redirect_uri)


@router.post(
    "/oauth/link",
    responses=answers(LinkOffer),
    openapi_extra=query_parameters(
        account_id="which account to link; repeatable", scope="trading, or accounts: reading only"
    ),
)
@performs(Operation.OPERATE)
async def offer_link(request: Request, platform: OnCTrader) -> Response:
    """Make a link for the accounts' owner, who needs no key: it works once, for a day."""
    keys, scope = _asked(request, platform)
    tell_audit(request.scope, action="consent_link", after={"accounts": keys, "scope": scope})
    return answer(await platform.consent.offer(keys, scope))


@router.get("/oauth/link/{token}", include_in_schema=False)  # a page for people
@performs(Operation.OPEN)
async def show_link(request: Request, token: str, platform: OnCTrader) -> Response:
    """Show what a link is for. Chat programs look at links too, so this does not use it up."""
    # The form must say where it comes from, or it would pass for one of another site.
    headers = {**_NO_STORE, "Referrer-Policy": "same-origin"}
    # Browsers ask of a form's redirect too whether the page may lead there.
    leads_to = f"form-action 'self' {platform.consent.consent_origin}"
    headers["Content-Security-Policy"] += f"; {leads_to}"
    return HTMLResponse(_LINK_PAGE, headers=headers)


@router.post("/oauth/link/{token}", include_in_schema=False)  # a page for people
@performs(Operation.OPEN)
@for_people
async def follow_link(request: Request, token: str, platform: OnCTrader) -> Response:
    """Use a link up: send the browser to the page where the accounts' owner consents."""
    tell_audit(request.scope, action="consent_link_used")
    page, state = await platform.consent.accept(token)
    return remembering(RedirectResponse(page, 303), state, platform.consent.redirect_uri)


def _asked(request: Request, platform: CTraderPlatform) -> tuple[list[str], str]:
    """Return the keys and the scope that a query asks for, if the caller may link them."""
    query = request.query_params
    names = query.getlist("account_id") + query.getlist("accountId")
    wanted: list[str | None] = [*names]
    for name in wanted or [None]:
        guarded(request.scope).require(Operation.OPERATE, name)
    return [platform.key_of(name) for name in names], query.get("scope") or "trading"


@router.get(
    "/callback",
    response_class=HTMLResponse,
    responses={
        200: {"description": "A page that says what is linked now"},
        400: {"description": "The owner, or the broker, refused"},
        404: {"description": "No cTrader accounts here"},
        502: {"description": "The token service did not answer"},
        409: {"description": "A page that says what is not linked, and why", "content": _PAGE},
        "default": _ERROR,
    },
    openapi_extra=query_parameters(
        code="what the broker's page gave", state="the state, where it is given back"
    ),
)
@performs(Operation.OPEN)
@for_people
async def callback(request: Request, platform: OnCTrader) -> Response:
    """Take the consent and say which accounts are linked now."""
    tell_audit(request.scope, action="consent")
    result = await take_consent(request, platform.consent)
    tell_audit(request.scope, after={"linked": result["linked"], "failed": result["failed"]})
    return page_of(result)


@router.get("/oauth/status", responses=answers(dict[str, LinkStatus]))
@performs(Operation.READ)
async def read_status(request: Request, platform: OnCTrader) -> Response:
    """Per account: linked, until when, scope, last refresh, last error. No token material."""
    return answer(guarded(request.scope).visible(platform.consent.status()))


@router.post(
    "/oauth/refresh",
    responses=answers(LinkStatus),
    openapi_extra=query_parameters(account_id="whose tokens to renew"),
)
@performs(Operation.OPERATE)
async def refresh(request: Request, platform: OnCTrader) -> Response:
    """Renew an account's tokens now, for all accounts that share them."""
    name = request.query_params.get("account_id") or request.query_params.get("accountId")
    if not name:
        raise PlatformError(422, "INVALID_REQUEST", "account_id: say whose tokens to renew")
    guarded(request.scope).require(Operation.OPERATE, name)
    return answer(await platform.consent.refresh(platform.key_of(name)))


@router.delete("/oauth/{account_id}", responses=answers(Forgotten))
@performs(Operation.OPERATE)
async def forget(request: Request, account_id: str, platform: OnCTrader) -> Response:
    """Remove an account's tokens from the secret store."""
    guarded(request.scope).require(Operation.OPERATE, account_id)
    key = platform.key_of(account_id)
    message = await platform.consent.forget(key)
    return answer(Forgotten(success=True, account=key, message=message))


def remembering(response: Response, state: str, redirect_uri: str) -> Response:
    """Return the response with a cookie that binds the consent to this browser."""
    response.set_cookie(
        STATE_COOKIE,
        state,
        max_age=_COOKIE_SECONDS,
        httponly=True,
        samesite="lax",
        secure=urlsplit(redirect_uri).scheme == "https",
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def take_consent(request: Request, consent: CTraderConsent) -> LinkResult:
    """Return what a browser that comes back from the consent page led to. Raises PlatformError."""
    query = request.query_params
    state = request.cookies.get(STATE_COOKIE, "")
    if query.get("state", state) != state:
        raise PlatformError(403, "CONSENT_UNKNOWN", "the state is not that of this browser")
    code = query.get("code")
    if not code:
        told = query.get("error_description") or query.get("error") or "no code was given"
        raise PlatformError(400, "CONSENT_REFUSED", f"authentication failed: {told}")
    return await consent.finish(code, state)


def page_of(result: LinkResult) -> Response:
    """Return the page that tells a person what a consent led to."""
    page = HTMLResponse(_page(result), 200 if result["success"] else 409, headers=_NO_STORE)
    page.delete_cookie(STATE_COOKIE)
    return page


def _problem(detail: str, request_id: str) -> str:
    return (
        f"{_HEAD}<h1>Not linked</h1><p>{escape(detail)}</p><p>If that does not help, tell "
        f"whoever runs this pool, with this number: {escape(request_id)}</p></html>"
    )


def _page(result: LinkResult) -> str:
    rows = [f"<li>{escape(k)}: linked, {escape(text)}" for k, text in result["linked"].items()]
    rows += [f"<li>{escape(k)}: NOT linked: {escape(t)}" for k, t in result["failed"].items()]
    rows += [f"<li>{escape(text)}" for text in result["warnings"]]
    return (
        f"{_HEAD}<h1>{'Linked' if result['success'] else 'Not all linked'}</h1>"
        f"<ul>{''.join(rows)}</ul><p>The tokens are in: {escape(result['place'])}.</p>"
        "<p>You can close this page.</p></html>"
    )
