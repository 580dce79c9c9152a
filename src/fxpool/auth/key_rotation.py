"""Another key for the encrypted files: at each instant one of two keys that are on the disk opens
each file, so that an interruption loses nothing and the next attempt completes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from fxpool.auth.file_key import KEY_VARIABLE, FileKey, KeySource
from fxpool.auth.file_store import FileStore
from fxpool.errors import SettingsError


def rotate_key(keys: KeySource, stores: Sequence[FileStore]) -> None:
    """Encrypt ``stores``, which are all files of the key, with a new one, and drop the old key.

    Other processes may go on reading and writing. Raises SecretError, after which everything still
    opens, and SettingsError for a key that is no file.
    """
    if keys.text:
        raise SettingsError(
            f"{KEY_VARIABLE} is set, and a variable cannot be replaced from here: write the key "
            f"to {keys.path} (for its owner only), unset the variable, and run this again"
        )
    FileKey.read(keys.path)  # not an old key, but an error if there is none
    with ExitStack() as locks:
        for store in stores:
            locks.enter_context(store.locked())
        successor = FileKey.make(keys.next_path)  # or the one of an attempt that was interrupted
        for store in stores:
            store.re_encrypt(successor)
        keys.promote()
