"""Joins a cluster of Ray, or starts one on this machine: for the jobs of sweeps and for predictions. No torch."""

import importlib.util
import logging
import os
import re
import socket
from collections.abc import Mapping
from typing import Any

from segexp.errors import ConfigError, MissingExtraError
from segexp.system.process import python_path


def connect_ray(section: str, address: str | None) -> Any:
    """Connects to a Ray cluster and gives the module ``ray``; processes there find the code of this one.

    Args:
        section: Of the config, named in messages: ``sweep`` for ``sweep.engine`` and ``sweep.ray``; empty: the top.
        address: Of the cluster; None: RAY_ADDRESS, else one that is started here.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: No cluster answers there.
    """
    prefix = f"{section}." if section else ""
    if importlib.util.find_spec("ray") is None:
        raise MissingExtraError(f"{prefix}engine=ray: the package ray is not installed; pip install 'segexp[ray]'")
    # Before the import: Ray counts its users over the network unless it is told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    try:
        _knock(address)
        ray.init(
            address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR,
            runtime_env={"env_vars": {"PYTHONPATH": python_path()}},
        )  # fmt: skip
    except Exception as error:  # Ray raises bare ones too, where a loaded machine starts it too slowly
        raise ConfigError(f"{prefix}ray.address: no cluster answers at {address!r}: {error}") from error
    return ray


def node_resources(ray: Any) -> list[Mapping[str, float]]:
    """Lists the resources of each living node, such as ``CPU`` and ``GPU``."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def unmet_resources(ray: Any, requested: Mapping[str, float], waiting: str) -> list[str]:
    """Describes each resource of which no node has enough, a line each: Ray would wait for ever, as some clusters grow.

    Args:
        ray: The module, connected.
        requested: Resources that a single job asks for, ``{"CPU": 2, "GPU": 0.5}``.
        waiting: Plural of those that would wait, such as ``jobs``.
    """
    most = {name: max((node.get(name, 0) for node in node_resources(ray)), default=0) for name in requested}
    return [
        f"no node of Ray has {number:g} {name} now (most: {most[name]:g}); {waiting} wait for one"
        for name, number in requested.items()
        if number > most[name]
    ]


def _knock(address: str | None) -> None:
    """Raises OSError if nobody listens; Ray itself would try for minutes."""
    found = re.fullmatch(r"(?:ray://)?(.+):(\d+)", address or "")
    if found is not None:
        socket.create_connection((found[1].strip("[]"), int(found[2])), timeout=10).close()
