"""Addresses such as ``https://host/a.tif`` and ``s3://bucket/*.tif``: their file systems, and errors in words."""

import asyncio
import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from segexp.errors import DataError, MissingExtraError

HTTP = ("http", "https")
PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
"""What fsspec needs for some of them."""
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "s3": ("AWS_NO_SIGN_REQUEST", {"anon": True}),
    "gs": ("GS_NO_SIGN_REQUEST", {"token": "anon"}),
}
"""Variables of GDAL for buckets that anybody may read, and what fsspec calls it."""


SHARED = (
    "AWS_NO_SIGN_REQUEST", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_S3_ENDPOINT", "AWS_PROFILE", "AWS_REGION",
    "AWS_DEFAULT_REGION", "GS_NO_SIGN_REQUEST", "GOOGLE_APPLICATION_CREDENTIALS",
)  # fmt: skip
"""Variables that say where and how to ask, without being secret: a command hands them to its processes elsewhere."""
_USER = re.compile(
    r"(?<=http://)[^/\s@]+(?=@)|(?<=https://)[^/\s@]+(?=@)|(?<=://)[^/\s@:]*:[^/\s@]+(?=@)", re.IGNORECASE
)
_SECRET = re.compile(
    r"([?&;][^=&;\s]*(?:sig|token|key|secret|pass|cred|auth)[^=&;\s]*=)[^&\s'\")]+", re.IGNORECASE
)  # fmt: skip


FULL = (errno.ENOSPC, errno.EDQUOT)


def is_remote(place: str) -> bool:
    """Tells an address from a path."""
    return "://" in place


def scheme(address: str) -> str:
    """Gives the scheme of an address: ``https`` of ``https://host/a.tif``."""
    return address.partition("://")[0].lower()


def shared_settings() -> dict[str, str]:
    """Collects the variables of :data:`SHARED` that are set here."""
    return {name: os.environ[name] for name in SHARED if name in os.environ}


def hide_secrets(text: str) -> str:
    """Replaces passwords and signatures of the addresses in a text by stars, for logs and tables."""
    return _SECRET.sub(r"\1***", _USER.sub("***", text))


def open_filesystem(address: str, timeout: float) -> tuple[Any, str]:
    """Opens the file system of fsspec for an address, and gives the path in it.

    Raises:
        MissingExtraError: fsspec needs another package for it.
        DataError: There are no such addresses.
    """
    import fsspec

    kind = scheme(address)
    named = f"input: {hide_secrets(address)}"
    unknown = DataError(f"{named}: no files can be read from {kind}:// addresses")
    try:
        urlsplit(address)
        kept = fsspec.get_filesystem_class(kind)
        keys = {**kept._get_kwargs_from_urls(address), **_options(kind, timeout)}
    except ImportError as error:
        package = PACKAGES.get(kind)
        extra = package if package == "adlfs" else "'segexp[remote]'"
        advice = f"needs {package}, which is not installed: pip install {extra}" if package else str(error)
        raise MissingExtraError(f"{named}: {advice}") from error
    except ValueError as error:
        raise unknown from error
    with network_errors(named, timeout):
        try:
            return kept(**keys), kept._strip_protocol(address)
        except TypeError as error:  # it needs more than an address
            raise unknown from error


def _options(kind: str, timeout: float) -> dict[str, Any]:
    if kind in HTTP:
        import aiohttp

        # No limit for all of a large file here: that is watched while it is copied.
        limits = aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout)
        return {"client_kwargs": {"timeout": limits, "trust_env": True}}
    kind = {"gcs": "gs", "s3a": "s3"}.get(kind, kind)
    # s3fs tries again by itself.
    config = {"connect_timeout": timeout, "read_timeout": timeout, "retries": {"max_attempts": 0}}
    waits = {"config_kwargs": config} if kind == "s3" else {}
    variable, options = OPTIONS.get(kind, ("", {}))
    is_open = os.environ.get(variable, "").upper() in ("YES", "TRUE", "1", "ON")
    return {**waits, **options} if is_open else waits


@contextmanager
def network_errors(address: str, timeout: float) -> Iterator[None]:
    """Turns whatever goes wrong on the network into one line.

    Raises:
        DataError: Says it.
    """
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # each file system has its own
        raise DataError(hide_secrets(f"{address}: {describe_network_error(error, timeout)}")) from error


def describe_network_error(error: BaseException, timeout: float) -> str:
    """Describes what went wrong on the network; file systems wrap the cause in errors of their own."""
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    for found in chain:
        status = getattr(found, "status", None)
        if status in (404, 410):
            return f"not found (HTTP {status})"
        if status in (401, 403):
            return f"no permission to read it (HTTP {status})"
        if type(found).__name__ == "TooManyRedirects":
            return "leads from one address to the next without end"
        if status:
            return f"the server answered HTTP {status}"
    if full := next((found for found in chain if getattr(found, "errno", None) in FULL), None):
        return f"its copy does not fit into {tempfile.gettempdir()} ({full}); TMPDIR names another folder"
    if any(isinstance(found, TimeoutError | asyncio.TimeoutError) for found in chain):
        return f"no answer within {timeout:g} s; the key timeout allows more"
    if any(isinstance(found, PermissionError) for found in chain):
        return f"no permission to read it ({error})"
    if len(chain) == 1 and isinstance(error, FileNotFoundError):
        return "not found"
    deepest = chain[-1]
    return f"cannot be read over the network ({' '.join(str(deepest).split()) or type(deepest).__name__})"


def path_in_address(address: str) -> str:
    """Gives the path inside an address, without the query of http."""
    return urlsplit(address).path if scheme(address) in HTTP else address.partition("://")[2]
