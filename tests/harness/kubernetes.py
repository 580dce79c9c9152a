"""A stand-in for a cluster's API server: the one call by which Vault checks a pod's token.

Source: Kubernetes API, authentication.k8s.io/v1 TokenReview.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI, Request

from harness.http_server import serving

_SERVICE_ACCOUNT = "system:serviceaccount:trading:fxpool"


@dataclass(slots=True)
class Cluster:
    """A cluster with one service account.

    Attributes:
        good: tokens that are in force.
        reviewed: tokens that were asked about, in order.
    """

    address: str = ""
    good: set[str] = field(default_factory=set)
    reviewed: list[str] = field(default_factory=list)

    def token(self, number: int) -> str:
        """Return a further token of the service account, in force until it leaves ``good``."""
        now = int(time.time())
        claims = {
            "iss": "https://kubernetes.default.svc",
            "sub": _SERVICE_ACCOUNT,
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "jti": str(number),
            "kubernetes.io": {
                "namespace": "trading",
                "serviceaccount": {"name": "fxpool", "uid": "uid-1"},
            },
        }
        parts = [_part({"alg": "RS256", "typ": "JWT"}), _part(claims), _part({})]
        token = ".".join(parts)
        self.good.add(token)
        return token


@asynccontextmanager
async def running_cluster() -> AsyncIterator[Cluster]:
    """Serve token reviews until the block ends."""
    cluster, app = Cluster(), FastAPI()

    @app.post("/apis/authentication.k8s.io/v1/tokenreviews", status_code=201)
    async def review(request: Request) -> dict[str, object]:
        asked = await request.json()
        token = asked["spec"]["token"]
        cluster.reviewed.append(token)
        user = {"username": _SERVICE_ACCOUNT, "uid": "uid-1", "groups": []}
        is_good = token in cluster.good
        status = {"authenticated": True, "user": user} if is_good else {"authenticated": False}
        return {**asked, "status": status}

    async with serving(app) as cluster.address:
        yield cluster


def _part(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
