"""Application, version, tokens and account sessions."""

from __future__ import annotations

import hmac

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAccountAuthReq,
    ProtoOAAccountAuthRes,
    ProtoOAAccountDisconnectEvent,
    ProtoOAAccountLogoutReq,
    ProtoOAAccountLogoutRes,
    ProtoOAApplicationAuthReq,
    ProtoOAApplicationAuthRes,
    ProtoOAGetAccountListByAccessTokenReq,
    ProtoOAGetAccountListByAccessTokenRes,
    ProtoOAGetCtidProfileByTokenReq,
    ProtoOAGetCtidProfileByTokenRes,
    ProtoOARefreshTokenReq,
    ProtoOARefreshTokenRes,
    ProtoOAVersionReq,
    ProtoOAVersionRes,
)
from fxpool.openapi.proto.model_pb2 import ProtoOAClientPermissionScope, ProtoOACtidProfile
from fxpool.simulator.handlers.call import Call, Handler
from fxpool.simulator.profile import WrongEnvironment
from fxpool.simulator.protocol import reference
from fxpool.simulator.refusal import Carrier, Refusal
from fxpool.simulator.switches import SecondSession

PROXY_VERSION = "91"
"""The newest numbered release of the public schema."""

USER_ID = 1
"""The one user that the simulator has."""


def _application_auth(call: Call, request: ProtoOAApplicationAuthReq) -> ProtoOAApplicationAuthRes:
    credentials, client = call.venue.credentials, call.client
    if client.is_authenticated:
        raise _refusal("CH_CLIENT_ALREADY_AUTHENTICATED", "Client is already authenticated")
    if request.clientId != credentials.client_id:
        raise _refusal("CH_OA_CLIENT_NOT_FOUND", "Open API client is not found by clientId")
    if not hmac.compare_digest(request.clientSecret.encode(), credentials.client_secret.encode()):
        raise _refusal("CH_CLIENT_AUTH_FAILURE", "clientId or clientSecret is incorrect")
    limit = call.venue.profile.max_connections
    if limit is not None and call.venue.authenticated_connections() >= limit:
        raise _refusal("CONNECTIONS_LIMIT_EXCEEDED", "Limit of connections is reached")
    client.is_authenticated = True
    return ProtoOAApplicationAuthRes()


def _version(call: Call, request: ProtoOAVersionReq) -> ProtoOAVersionRes:
    return ProtoOAVersionRes(version=PROXY_VERSION)


def _account_list(
    call: Call, request: ProtoOAGetAccountListByAccessTokenReq
) -> ProtoOAGetAccountListByAccessTokenRes:
    grant = call.venue.tokens.find(request.accessToken, call.at_ms)
    books = call.venue.engine.books
    return ProtoOAGetAccountListByAccessTokenRes(
        accessToken=request.accessToken,
        permissionScope=ProtoOAClientPermissionScope.ValueType(grant.scope),
        ctidTraderAccount=[reference.listed_account(books[one]) for one in grant.account_ids],
    )


def _profile(
    call: Call, request: ProtoOAGetCtidProfileByTokenReq
) -> ProtoOAGetCtidProfileByTokenRes:
    call.venue.tokens.find(request.accessToken, call.at_ms)
    return ProtoOAGetCtidProfileByTokenRes(profile=ProtoOACtidProfile(userId=USER_ID))


def _account_auth(call: Call, request: ProtoOAAccountAuthReq) -> ProtoOAAccountAuthRes:
    account_id = request.ctidTraderAccountId
    grant = call.venue.tokens.find(request.accessToken, call.at_ms)
    if account_id not in grant.account_ids:
        raise _refusal(
            "CH_CTID_TRADER_ACCOUNT_NOT_FOUND", f"Trading account {account_id} is not found"
        )
    if call.venue.engine.books[account_id].spec.is_live is not call.client.is_live:
        raise _wrong_environment(call.venue.profile.wrong_environment)
    if account_id in call.client.account_ids:
        raise _refusal("ALREADY_LOGGED_IN", "Trading account is already authorized in this channel")
    if call.venue.profile.second_session is SecondSession.OLDER_ENDS:
        call.venue.end_other_sessions(account_id, but=call.client)
    call.client.account_ids[account_id] = request.accessToken
    return ProtoOAAccountAuthRes(ctidTraderAccountId=account_id)


def _logout(call: Call, request: ProtoOAAccountLogoutReq) -> None:
    """Acknowledge, then end the session: the event follows the answer."""
    account_id = request.ctidTraderAccountId
    call.book(account_id)
    call.client.send(ProtoOAAccountLogoutRes(ctidTraderAccountId=account_id), call.request_id)
    call.client.end_account(account_id, notify=False)
    call.client.send(ProtoOAAccountDisconnectEvent(ctidTraderAccountId=account_id))


def _refresh_token(call: Call, request: ProtoOARefreshTokenReq) -> ProtoOARefreshTokenRes:
    new = call.venue.refresh(request.refreshToken, call.at_ms)
    return ProtoOARefreshTokenRes(
        accessToken=new.access_token,
        tokenType="bearer",
        expiresIn=call.venue.profile.token_lifetime,
        refreshToken=new.refresh_token,
    )


def _wrong_environment(told: WrongEnvironment) -> Refusal:
    text = {
        WrongEnvironment.CANT_ROUTE_REQUEST: "Cannot route request",
        WrongEnvironment.UNSUPPORTED_MESSAGE: "Trading account is not authorized",
        WrongEnvironment.INVALID_REQUEST: "Trading account is not authorized",
    }[told]
    return _refusal(told.value, text)


def _refusal(code: str, text: str) -> Refusal:
    return Refusal(code, text, carrier=Carrier.ERROR_RES)


SESSION_HANDLERS: dict[int, Handler] = {
    2100: _application_auth,
    2102: _account_auth,
    2104: _version,
    2149: _account_list,
    2151: _profile,
    2162: _logout,
    2173: _refresh_token,
}
