"""The consent page and the token endpoint over HTTP. Thin: the desk decides.

The paths are those of the live service, the older one of the consent page too. As there, a
``state`` in the request is not given back, as users of the live service report.
"""

from __future__ import annotations

import asyncio
from html import escape
from urllib.parse import parse_qs, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from fxpool.clock import Clock
from fxpool.simulator.engine.book import Book
from fxpool.simulator.link import milliseconds
from fxpool.simulator.oauth.desk import ConsentDesk, TooManyRequests
from fxpool.simulator.switches import RefreshReply

CONSENT_PATH = "/my/settings/openapi/grantingaccess/"
OLD_CONSENT_PATH = "/apps/auth"
TOKEN_PATH = "/apps/token"  # noqa: S105 (a path)

_SEE_OTHER = 303
_NEVER_ANSWERED = 600.0


def oauth_app(desk: ConsentDesk, clock: Clock) -> Starlette:
    """Return the pages of one broker."""
    pages = _Pages(desk, clock)
    consent_paths = (CONSENT_PATH, CONSENT_PATH.rstrip("/"), OLD_CONSENT_PATH)
    return Starlette(
        routes=[
            *(Route(path, pages.ask, methods=["GET"]) for path in consent_paths),
            *(Route(path, pages.consent, methods=["POST"]) for path in consent_paths),
            Route(TOKEN_PATH, pages.token, methods=["GET", "POST"]),
        ]
    )


class _Pages:
    def __init__(self, desk: ConsentDesk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock

    async def ask(self, request: Request) -> Response:
        """The page where a person ticks accounts."""
        asked = dict(request.query_params)
        problem = self._desk.problem(
            asked.get("client_id", ""), asked.get("redirect_uri", ""), asked.get("scope", "")
        )
        if problem:
            return HTMLResponse(_page(f"<p>{escape(problem)}</p>"), status_code=400)
        books = self._desk.venue.engine.books.values()
        return HTMLResponse(_page(_form(asked["scope"], books_html="".join(map(_row, books)))))

    async def consent(self, request: Request) -> Response:
        """Take the ticked accounts, and send the browser back to the application with a code."""
        asked = dict(request.query_params)
        redirect_uri, scope = asked.get("redirect_uri", ""), asked.get("scope", "")
        problem = self._desk.problem(asked.get("client_id", ""), redirect_uri, scope)
        form = parse_qs((await request.body()).decode())
        ticked = [one for one in form.get("account", []) if one.isdecimal()]
        known = self._desk.venue.engine.books
        account_ids = tuple(int(one) for one in ticked if int(one) in known)
        if not problem and not account_ids:
            problem = "No account was ticked."
        if problem:
            return HTMLResponse(_page(f"<p>{escape(problem)}</p>"), status_code=400)
        code = self._desk.consent(account_ids, scope, redirect_uri, milliseconds(self._clock))
        joint = "&" if "?" in redirect_uri else "?"
        return RedirectResponse(f"{redirect_uri}{joint}{urlencode({'code': code})}", _SEE_OTHER)

    async def token(self, request: Request) -> Response:
        """Exchange a code or a refresh token; a form in the body is taken too."""
        asked = dict(request.query_params)
        form = parse_qs((await request.body()).decode())
        asked |= {name: values[0] for name, values in form.items()}
        try:
            answer = self._desk.answer(asked, milliseconds(self._clock))
        except TooManyRequests:
            self._desk.venue.faults.struck["token_requests_refused"] += 1
            return JSONResponse({"errorCode": "TOO_MANY_REQUESTS"}, status_code=429)
        if asked.get("grant_type") == "refresh_token" and answer["errorCode"] is None:
            await self._hold_back()
        return JSONResponse(answer)

    async def _hold_back(self) -> None:
        """Let the reply of a refresh be late or lost (SW-61); the tokens are rotated by now."""
        profile = self._desk.venue.profile
        if profile.refresh_reply is RefreshReply.LATE:
            await asyncio.sleep(profile.refresh_delay)
        elif profile.refresh_reply is RefreshReply.LOST:
            self._desk.venue.faults.struck["refresh_reply_lost"] += 1
            await asyncio.sleep(_NEVER_ANSWERED)


def _page(body: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Simulated broker</title>'
        '<meta name="viewport" content="width=device-width">'
        "<style>body{font:16px system-ui;max-width:34rem;margin:3rem auto;padding:0 1rem}"
        "h1{font-size:1.4rem}label{display:block;padding:.4rem 0}"
        "button{font:inherit;padding:.5rem 1.2rem;margin-top:1rem}"
        ".note{background:#fff3cd;color:#4d3b00;padding:.6rem .8rem;border-radius:.3rem}"
        '</style><p class="note">SIMULATED broker: no real account, no real money.</p>'
        f"{body}</html>"
    )


def _form(scope: str, books_html: str) -> str:
    may = "see and trade on" if scope == "trading" else "see, but not trade on,"
    return (
        f"<h1>Allow the application to {may} these accounts?</h1>"
        f'<form method="post">{books_html}<button>Allow access</button></form>'
    )


def _row(book: Book) -> str:
    spec = book.spec
    kind = "live" if spec.is_live else "demo"
    return (
        f'<label><input type="checkbox" name="account" value="{spec.account_id}" checked> '
        f"{spec.login} ({kind}, {spec.account_type.name.lower()})</label>"
    )
