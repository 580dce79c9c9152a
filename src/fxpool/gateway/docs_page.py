"""The page about the API: Swagger UI over ``/openapi.json``, all of it from this process.

It may call the gateway with what its reader may do, so it runs no script of another host, and works
where there is no way to one. Addresses are relative: a proxy may serve it below a prefix.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

DOCS_PATH: Final = "/docs"

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fxpool: the API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START: Final = """\
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, filter: true,
  docExpansion: "list", defaultModelsExpandDepth: -1,
});
"""
_FILES: Final = ("swagger-ui-bundle.js", "swagger-ui.css")


def docs_routes() -> list[Route]:
    """Return the page's routes. Its script and style are those that fastapi-offline brings."""
    return [
        Route(DOCS_PATH, _page),
        Route(f"{DOCS_PATH}/start.js", _start),
        *(Route(f"{DOCS_PATH}/{name}", _file) for name in _FILES),
    ]


async def _page(_request: Request) -> Response:
    return HTMLResponse(_PAGE)


async def _start(_request: Request) -> Response:
    return Response(_START, media_type="text/javascript")


async def _file(request: Request) -> Response:
    """Return one of ``_FILES``: no other name has a route."""
    name = request.url.path.rpartition("/")[2]
    return FileResponse(str(files("fastapi_offline") / "static" / name))
