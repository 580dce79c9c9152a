"""What a person has set who connects accounts of a broker that ``fxpool sim`` told of."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def connecting_to(
    broker: Mapping[str, Any], routing: Mapping[str, Any], folder: Path
) -> dict[str, str]:
    """Return the environment of commands; the redirect URI is at a port that is free now, and
    ``CTRADER_POOL_PORT`` says which."""
    file = folder / "routing-config.json"
    file.write_text(json.dumps(routing))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return {
        "CTRADER_CLIENT_ID": broker["client_id"],
        "CTRADER_CLIENT_SECRET": broker["client_secret"],
        "CTRADER_REDIRECT_URI": f"http://localhost:{port}/api/ctrader/callback",
        "CTRADER_CONSENT_URL": f"{broker['oauth_url']}/my/settings/openapi/grantingaccess/",
        "CTRADER_TOKEN_URL": f"{broker['oauth_url']}/apps/token",
        "CTRADER_DEMO_HOST": broker["host"],
        "CTRADER_DEMO_PORT": str(broker["protobuf_port"]),
        "CTRADER_CA_FILE": broker["ca_file"],
        "CTRADER_ROUTING_CONFIG": str(file),
        "CTRADER_DATA_DIR": str(folder / "data"),
        "CTRADER_POOL_PORT": str(port),
    }
