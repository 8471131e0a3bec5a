"""Packages that only an export needs."""

import importlib.util

from segexp.errors import MissingExtraError


def require(form: str, *packages: str) -> None:
    """Refuses if a package is not installed.

    Raises:
        MissingExtraError: Names it and what to install.
    """
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise MissingExtraError(
            f"format={form}: {', '.join(missing)} not installed; pip install 'segexp[export]', in a checkout "
            "pip install -c constraints.txt '.[export]'"
        )
