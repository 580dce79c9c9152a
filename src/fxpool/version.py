"""Which version this is; also where the package is not installed, only on the path."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
