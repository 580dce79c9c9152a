"""Rows of a Parquet file as text. Needs pyarrow, which fxpool does not bring along.

Values become text as they would stand in a CSV file: a double by its shortest decimal, so that
prices stay what was recorded.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fxpool.errors import SettingsError


def parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[list[str]]:
    """Yield some columns of a file row by row.

    Raises SettingsError without pyarrow or without those columns, OSError for a file that cannot
    be read.
    """
    parquet = _pyarrow_parquet()
    with path.open("rb") as file:
        source = parquet.ParquetFile(file)
        missing = [name for name in columns if name not in source.schema_arrow.names]
        if missing:
            raise SettingsError(f"{path} has no column {', '.join(missing)}")
        for batch in source.iter_batches(columns=list(columns)):
            values = [batch.column(name).to_pylist() for name in columns]
            yield from ([str(value) for value in row] for row in zip(*values, strict=True))


def _pyarrow_parquet() -> Any:  # pyarrow is not installed where the types are checked
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError as exc:
        raise SettingsError(
            "replaying a Parquet file needs pyarrow: run pip install 'fxpool[parquet]', "
            "or give a CSV file"
        ) from exc
