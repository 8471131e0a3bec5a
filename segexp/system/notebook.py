"""Whether this program is the kernel of a notebook."""

import sys
from typing import Any


def in_notebook() -> bool:
    """Returns whether a notebook shows what is printed: its output is no terminal, but it draws progress bars."""
    shell: Any = sys.modules.get("IPython")
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"
