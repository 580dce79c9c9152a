"""``fxpool doctor``: one line per precondition, PASS, WARN or FAIL, with the cure."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from random import SystemRandom

import typer
from google.protobuf.internal import api_implementation
from rich.table import Table

from fxpool.auth import secret_store_from, with_stored_alerts, with_stored_application
from fxpool.auth.tokens import TokenPair, pair_from
from fxpool.cli import checkups, logs, service_checkups
from fxpool.cli.checkups import Finding, Verdict
from fxpool.cli.console import stdout
from fxpool.cli.exits import Exit, end_with, print_json
from fxpool.clock import SystemClock
from fxpool.errors import FxPoolError, SecretError, SettingsError
from fxpool.openapi.proto.messages_pb2 import ProtoOAVersionReq
from fxpool.platforms.assembly import other_accounts
from fxpool.platforms.ctrader_setup import accounts_from, credentials_from, endpoints_from
from fxpool.platforms.ctrader_tokens import secret_paths
from fxpool.platforms.routing import AccountConfig, OtherAccountConfig
from fxpool.platforms.token_accounts import AccountMismatch, TokenAccounts
from fxpool.pool import Endpoint, Environment, Pool
from fxpool.session.link import tls_context
from fxpool.settings import Settings
from fxpool.store.redis import RedisAddress, RedisConnection

STEP_SECONDS = 10.0


def run(*, as_json: bool) -> None:
    """Print all findings; end with 1 if one of them is FAIL."""
    logs.configure("CRITICAL")  # what libraries say of a failure, a finding says with its cure
    try:
        findings = asyncio.run(_examine(Settings.from_environment()))
    except FxPoolError as error:
        end_with(error, as_json=as_json)
    is_well = all(finding.verdict is not Verdict.FAIL for finding in findings)
    if as_json:
        print_json({"ok": is_well, "findings": [finding._asdict() for finding in findings]})
    else:
        _print(findings)
    if not is_well:
        raise typer.Exit(Exit.REFUSED)


async def _examine(settings: Settings) -> list[Finding]:
    """Look at everything, in the order in which a pool needs it."""
    findings = [
        _protobuf(),
        *checkups.unread_variables(),
        _gateway_port(settings),
        checkups.file_permissions(settings),
        await checkups.database(settings),
        await checkups.token_service_clock(settings),
    ]
    try:
        settings = await with_stored_alerts(await with_stored_application(settings))
    except SecretError as exc:
        return [*findings, Finding("secret store", Verdict.FAIL, str(exc))]
    place = secret_store_from(settings).place
    findings.append(Finding("secret store", Verdict.PASS, place))
    findings += await _redis(settings)
    findings.append(checkups.redirect_uri(settings))
    service = await service_checkups.all_of(settings)
    findings += service
    try:
        accounts = [account for account in accounts_from(settings) if account.enabled]
        others = [account for account in other_accounts(settings) if account.enabled]
    except SettingsError as exc:
        return [*findings, Finding("configuration", Verdict.FAIL, str(exc))]
    findings.append(_accounts(accounts, others))
    environments = dict.fromkeys(account.environment for account in accounts)
    for environment in environments:
        findings += [one async for one in _way(environment, endpoints_from(settings)[environment])]
    on_the_way = (finding for finding in findings if finding not in service)
    if accounts and all(finding.verdict is not Verdict.FAIL for finding in on_the_way):
        findings += [one async for one in _inside(settings, accounts, list(environments))]
    return findings


async def _redis(settings: Settings) -> list[Finding]:
    """Look at Redis, if one is configured; without it a pool works on, so it never fails."""
    address = RedisAddress.from_settings(settings)
    if address is None:
        return []
    connection = RedisConnection(address, clock=SystemClock())
    await connection.open()
    await connection.close()
    if connection.is_up:
        return [Finding("redis", Verdict.PASS, address.place)]
    return [Finding("redis", Verdict.WARN, f"{connection.error}; each gateway goes on alone")]


def _protobuf() -> Finding:
    """Tell the runtime; with a slow one no part that needs it can be loaded, this one neither."""
    return Finding("protobuf runtime", Verdict.PASS, api_implementation.Type())


def _gateway_port(settings: Settings) -> Finding:
    what, where = "gateway port", f"{settings.pool_host} port {settings.pool_port}"
    try:
        socket.create_server((settings.pool_host, settings.pool_port)).close()
    except OSError as exc:
        why = os.strerror(exc.errno) if exc.errno else str(exc)  # its own text tells where twice
        text = f"{where}: {why}; a gateway may be running, or set CTRADER_POOL_PORT"
        return Finding(what, Verdict.WARN, text)
    return Finding(what, Verdict.PASS, f"{where} is free")


def _accounts(accounts: Sequence[AccountConfig], others: Sequence[OtherAccountConfig]) -> Finding:
    """Tell whose accounts there are; the way to those of other platforms is not looked at."""
    told = [
        f"{whose} accounts: {', '.join(account.key for account in these)}"
        for whose, these in (("cTrader", accounts), ("other platforms'", others))
        if these
    ]
    if told:
        return Finding("configuration", Verdict.PASS, "; ".join(told))
    text = "no account: set CTRADER_ROUTING_CONFIG to a file that has one"
    return Finding("configuration", Verdict.FAIL, text)


async def _way(environment: Environment, endpoint: Endpoint) -> AsyncIterator[Finding]:
    """Look at each step of the way to a host; later steps are left out after a failure."""
    host, port = endpoint.host, endpoint.port

    async def look_up() -> tuple[Verdict, str]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port)
        return Verdict.PASS, f"{host} is {found[0][4][0]}"

    async def connect() -> tuple[Verdict, str]:
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        return Verdict.PASS, f"{host} port {port} answers"

    async def shake_hands() -> tuple[Verdict, str]:
        _, writer = await asyncio.open_connection(host, port, ssl=tls_context(endpoint))
        found = checkups.certificate(writer.get_extra_info("ssl_object"))
        writer.close()
        return found

    steps: Sequence[tuple[str, Callable[[], Awaitable[tuple[Verdict, str]]], str]] = (
        ("name lookup", look_up, "check the host's name and the resolver"),
        ("TCP", connect, f"check the firewall: port {port} must be open to the outside"),
        ("TLS", shake_hands, "check the clock of this machine, CTRADER_CA_FILE and any proxy"),
    )
    for name, step, cure in steps:
        what = f"{environment.value}: {name}"
        try:
            async with asyncio.timeout(STEP_SECONDS):
                verdict, text = await step()
        except (OSError, TimeoutError) as exc:
            yield Finding(what, Verdict.FAIL, f"{str(exc) or 'no answer in time'}; {cure}")
            return
        yield Finding(what, verdict, text)


async def _inside(
    settings: Settings, accounts: Sequence[AccountConfig], environments: Sequence[Environment]
) -> AsyncIterator[Finding]:
    """Log the application in, and look at each account's token."""
    credentials = credentials_from(settings)
    clock = SystemClock()
    async with Pool(
        endpoints_from(settings), credentials, clock=clock, random=SystemRandom()
    ) as pool:
        for environment in environments:
            what = f"{environment.value}: application login"
            try:
                await pool.request(environment, ProtoOAVersionReq(), timeout=STEP_SECONDS)
            except FxPoolError as exc:
                cure = "check client id and secret; a new application must be activated first"
                yield Finding(what, Verdict.FAIL, f"{exc}; {cure}")
                return
            yield Finding(what, Verdict.PASS, f"as {credentials.client_id}")
        listed = TokenAccounts(pool)
        for account in accounts:
            yield await _token(settings, account, listed)


async def _token(settings: Settings, account: AccountConfig, listed: TokenAccounts) -> Finding:
    what = f"account {account.key}"
    cure = f"run `fxpool connect {account.key}`"
    try:
        pair = await _stored(settings, account)
        if pair is None:
            return Finding(what, Verdict.FAIL, f"no tokens in the secret store; {cure}")
        opened = await listed.find(account, pair.access_token)
    except (FxPoolError, AccountMismatch) as exc:
        return Finding(what, Verdict.FAIL, f"{exc}; {cure}")
    if not pair.refresh_token:
        text = f"its token works and has no refresh token, so it ends; {cure}"
        return Finding(what, Verdict.WARN, text)
    scope = "read only" if opened.is_view_only else "trading"
    until = "" if pair.expires_at is None else f", until {pair.expires_at:%F}"
    return Finding(what, Verdict.PASS, f"token accepted ({scope}{until})")


async def _stored(settings: Settings, account: AccountConfig) -> TokenPair | None:
    store = secret_store_from(settings)
    try:
        for path in secret_paths(account):
            pair = pair_from((await store.read(path)).fields, source=path)
            if pair is not None:
                return pair
        return None
    finally:
        await store.close()


def _print(findings: Sequence[Finding]) -> None:
    colours = {Verdict.PASS: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}
    table = Table("", "what", "found", box=None)
    for finding in findings:
        mark = f"[{colours[finding.verdict]}]{finding.verdict}[/]"
        table.add_row(mark, finding.what, finding.text.replace("[", r"\["))
    stdout().print(table)
