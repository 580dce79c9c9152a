"""Compile the .proto files with the pinned compiler; `--check` fails if that changes a byte.

Run by `make proto`. The compiler is grpcio-tools' protoc, the stubs are mypy-protobuf's; both
come from requirements-dev.txt, so that everybody gets the same bytes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
PROTO = SOURCE / "fxpool" / "openapi" / "proto"


def compile_into(out: Path) -> None:
    """Write ``*_pb2.py`` and ``*_pb2.pyi`` below ``out``. Raises SystemExit on a compiler error."""
    plugin = Path(sys.executable).parent / "protoc-gen-mypy"
    arguments = [
        "protoc",
        f"-I{SOURCE}",
        f"--plugin=protoc-gen-mypy={plugin}",
        f"--python_out={out}",
        f"--mypy_out={out}",
        *sorted(str(path) for path in PROTO.glob("*.proto")),
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc failed")


def main() -> None:
    if "--check" not in sys.argv[1:]:
        compile_into(SOURCE)
        return
    with tempfile.TemporaryDirectory() as folder:
        compile_into(Path(folder))
        made = Path(folder) / "fxpool" / "openapi" / "proto"
        fresh = {path.name: path.read_bytes() for path in made.iterdir()}
    committed = {path.name: path.read_bytes() for path in PROTO.glob("*_pb2.py*")}
    changed = sorted(
        name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name)
    )
    if changed:
        raise SystemExit(f"not what the .proto files compile to: {', '.join(changed)}")


if __name__ == "__main__":
    main()
