"""Another key for the encrypted files: at each instant one of two keys that are on the disk opens
each file, so that an interruption loses nothing and the next attempt completes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from fxpool.auth.file_key import Keys
from fxpool.auth.file_store import FileStore


def rotate_key(keys: Keys, stores: Sequence[FileStore]) -> None:
    """Encrypt ``stores``, which are all files of the key, with a new one, and drop the old key.

    Other processes may go on reading and writing. Raises SecretError, after which everything still
    opens, and SettingsError for a key that cannot be replaced from here.
    """
    keys.require_replaceable()
    with ExitStack() as locks:
        for store in stores:
            locks.enter_context(store.locked())
        successor = keys.successor()
        for store in stores:
            store.re_encrypt(successor)
        keys.promote()
