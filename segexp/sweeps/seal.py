"""What a sweep was given at its start that is not taken from a folder: sealed, so that it need not be given again.

The folder of a sweep may come from anybody, and could say of itself that all is well. So its words count only with a
seal by a key of this user, which lies in no folder of runs, and only in the place where the sweep was started.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from segexp.runs.files import replace_file
from segexp.runs.json_yaml import read_json

FILE = "agreed.json"


def seal(folder: Path, arguments: Sequence[str]) -> bool:
    """Writes down the words of a sweep's command that it needs to go on; nothing where it needs none.

    Returns:
        Whether they will count; False: there is no place for a key, and they have to be given again.
    """
    if not arguments:
        return True
    key = _key()
    if key is not None:
        content = {"words": list(arguments), "seal": _seal(key, folder, arguments)}
        replace_file(folder / FILE, (json.dumps(content, indent=2) + "\n").encode())
    return key is not None


def read_sealed(folder: Path) -> list[str]:
    """The words that count; none where there are none, or the seal is another's."""
    try:
        content = read_json(folder / FILE)
        arguments, found = [str(word) for word in content["words"]], str(content["seal"])
    except (OSError, ValueError, KeyError, TypeError):
        return []
    key = _key(make=False)
    return arguments if key is not None and hmac.compare_digest(_seal(key, folder, arguments), found) else []


def _seal(key: bytes, folder: Path, arguments: Sequence[str]) -> str:
    text = json.dumps([str(folder.resolve()), list(arguments)])
    return hmac.new(key, text.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def _key(*, make: bool = True) -> bytes | None:
    """This user's key, made where there is none; None where there is no place for one."""
    try:
        base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        path = Path(base) / "segexp" / "key"
        if make and not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Several sweeps may start at once: the first key stays.
            with suppress(FileExistsError):
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                os.write(handle, secrets.token_hex(32).encode())
                os.close(handle)
        return path.read_bytes() or None
    except (OSError, RuntimeError):
        return None
