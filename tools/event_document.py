"""Write docs/asyncapi.json, which the gateway serves at /asyncapi.json. Run ``make tables``."""

from __future__ import annotations

import json
from pathlib import Path

from fxpool.gateway.event_document import event_document

PAGE = Path(__file__).parents[1] / "docs" / "asyncapi.json"


def page() -> str:
    """Return the document as it is kept."""
    return json.dumps(event_document(), indent=1) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
