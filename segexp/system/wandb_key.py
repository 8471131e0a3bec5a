"""Whether this user has a key of W&B; wandb itself is not imported for it."""

import os
from pathlib import Path


def has_key() -> bool:
    """Returns whether a key is in the environment or in the user's netrc."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    netrc = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    return netrc.is_file() and "wandb" in netrc.read_text(encoding="utf-8", errors="replace")
