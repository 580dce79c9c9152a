"""Settings -> the platforms of one service: those that are on, and the accounts of those that are
not, each with what to set.

cTrader is on with its accounts or its application; MetaTrader with a MetaApi token, or with the
address of a pool in front of MetaApi; DXtrade with the address of a pool that speaks our contract.
"""

from __future__ import annotations

from typing import Final

from pydantic import SecretStr

from fxpool.alerts import alerts_from
from fxpool.auth import secret_store_from, with_stored_alerts, with_stored_application
from fxpool.auth.secrets import METAAPI
from fxpool.clock import Clock, SystemClock
from fxpool.ids import random_id
from fxpool.platforms.absent import AbsentAccounts
from fxpool.platforms.base import Platform
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.platforms.ctrader_setup import ROUTING_FILE, accounts_from
from fxpool.platforms.halts import HALTS_FILE, Halts
from fxpool.platforms.metaapi.platform import MetaApiPlatform
from fxpool.platforms.metaapi.pool import PoolWay
from fxpool.platforms.metaapi.rest import Hosts, RestWay
from fxpool.platforms.metaapi.served import Polling
from fxpool.platforms.metaapi.way import Way
from fxpool.platforms.remote_accounts import RemoteAccounts
from fxpool.platforms.routing import METAAPI as METAAPI_WORDS
from fxpool.platforms.routing import OtherAccountConfig, load_other_accounts
from fxpool.platforms.several import SeveralPlatforms
from fxpool.settings import Settings
from fxpool.store import Journal

METAAPI_CURE: Final = (
    "MetaTrader is not configured: set METAAPI_TOKEN (or the secret metaapi), or POOL_API_URL for "
    "a pool in front of MetaApi"
)
DXTRADE_CURE: Final = "DXtrade is not configured: set DXTRADE_POOL_API_URL"


async def platform_from(settings: Settings, *, clock: Clock | None = None) -> Platform:
    """Return the platforms that the settings describe as one, not opened yet.

    With cTrader alone it is that platform itself. Raises SettingsError and SecretError.
    """
    clock = clock or SystemClock()
    settings = await with_stored_alerts(settings)
    others = other_accounts(settings)
    metatrader = [account for account in others if account.platform in METAAPI_WORDS]
    dxtrade = [account for account in others if account.platform == "dxtrade"]
    halts = Halts(settings.data_dir / HALTS_FILE)
    parts: dict[str, Platform] = {}
    absent: list[AbsentAccounts] = []
    owners: dict[str, tuple[str, str | None]] = {}

    way = await _way(settings, metatrader, clock) if metatrader else None
    if way is not None:
        parts["metaapi"] = _metaapi(settings, metatrader, way, halts, clock)
        owners |= {account.key: ("metaapi", account.login) for account in metatrader}
    elif metatrader:
        absent.append(AbsentAccounts("metaapi", metatrader, METAAPI_CURE, clock=clock))
    if settings.dxtrade_pool_url and dxtrade:
        parts["dxtrade"] = RemoteAccounts(
            settings.dxtrade_pool_url, dxtrade, name="dxtrade", clock=clock
        )
        owners |= {account.key: ("dxtrade", account.login) for account in dxtrade}
    elif dxtrade:
        absent.append(AbsentAccounts("dxtrade", dxtrade, DXTRADE_CURE, clock=clock))

    application = await with_stored_application(settings)
    accounts = accounts_from(settings)
    if accounts or application.client_id or not parts:
        ctrader = CTraderPlatform.from_settings(application, clock=clock, halts=halts)
        parts = {"ctrader": ctrader} | parts
        owners |= {account.key: ("ctrader", account.login) for account in accounts}
        if len(parts) == 1 and not absent:
            return ctrader
    return SeveralPlatforms(parts, owners, absent)


def account_keys(settings: Settings) -> set[str]:
    """Return the keys of all configured accounts, of whatever platform. Raises SettingsError."""
    ours = {account.key for account in accounts_from(settings)}
    return ours | {account.key for account in other_accounts(settings)}


def other_accounts(settings: Settings) -> list[OtherAccountConfig]:
    """Return the configured accounts that are not cTrader's. Raises SettingsError."""
    path = settings.routing_config or (ROUTING_FILE if ROUTING_FILE.is_file() else None)
    return [] if path is None else load_other_accounts(path)


async def _way(settings: Settings, accounts: list[OtherAccountConfig], clock: Clock) -> Way | None:
    """Return the configured way to MetaTrader accounts, None if there is none."""
    stored = await _stored_token(settings)
    token = settings.metaapi_token.get_secret_value() or stored.get("token", "")
    region = settings.metaapi_region or stored.get("region", "")
    regions = {account.key: account.region or region for account in accounts}
    if token:
        return RestWay(
            SecretStr(token),
            hosts=Hosts.at(settings.metaapi_url),
            regions=regions,
            credits_per_second=settings.metaapi_credits_per_second,
            clock=clock,
        )
    if settings.metaapi_pool_url:
        return PoolWay(settings.metaapi_pool_url, regions=regions, clock=clock)
    return None


async def _stored_token(settings: Settings) -> dict[str, str]:
    store = secret_store_from(settings)
    try:
        return dict((await store.read(METAAPI)).fields)
    finally:
        await store.close()


def _metaapi(
    settings: Settings,
    accounts: list[OtherAccountConfig],
    way: Way,
    halts: Halts,
    clock: Clock,
) -> MetaApiPlatform:
    return MetaApiPlatform(
        accounts,
        way,
        journal=Journal(settings.journal_url, clock=clock),
        halts=halts,
        clock=clock,
        new_id=random_id,
        pace=Polling(
            settings.metaapi_poll_seconds,
            settings.metaapi_price_seconds,
            settings.metaapi_settle_seconds,
        ),
        alerts=alerts_from(settings, clock=clock),
    )
