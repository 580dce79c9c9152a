"""What a simulator is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fxpool.simulator.catalogue import DEFAULT_ACCOUNTS, DEFAULT_CATALOGUE, Catalogue
from fxpool.simulator.engine.accounts import AccountSpec
from fxpool.simulator.market.replay import Replay
from fxpool.simulator.profile import Profile


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """Options; secrets are not in the repr.

    Attributes:
        host: what to listen on; the certificate names localhost, 127.0.0.1 and ::1.
        port: of the demo environment, 0 for any free one.
        live_port: of the live environment, 0 for any free one, None not to serve it.
        json_port: of the demo environment in JSON over WebSocket; 0 and None alike.
        live_json_port: the same of the live environment.
        oauth_port: of the pages where a user consents and tokens are given; 0 and None alike.
        control_port: where faults are set and counted over HTTP; 0 and None alike.
        record: a file that takes a transcript of what goes over the wire, without secrets.
        folder: where the certificates are kept; a temporary folder without it.
        client_id, client_secret, access_token, refresh_token: made up at each start unless given.
        seed: of the synthetic market.
        ticks_per_second: pace of the synthetic market as a whole; 0 lets it stand still.
        replays: recorded quotes that take the place of synthetic ones.
        speed: how many times faster than recorded the replays play.
        loop_replays: begin again at the end of a file; otherwise its last quote stays.
    """

    host: str = "127.0.0.1"
    port: int = 0
    live_port: int | None = None
    json_port: int | None = None
    live_json_port: int | None = None
    oauth_port: int | None = None
    control_port: int | None = None
    record: Path | None = None
    folder: Path | None = None
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    seed: int = 1
    ticks_per_second: float = 20.0
    replays: tuple[Replay, ...] = ()
    speed: float = 1.0
    loop_replays: bool = False
    profile: Profile = field(default_factory=Profile)
    catalogue: Catalogue = DEFAULT_CATALOGUE
    accounts: tuple[AccountSpec, ...] = DEFAULT_ACCOUNTS
