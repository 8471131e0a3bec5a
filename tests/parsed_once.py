"""Files of conf/ are parsed once in a process of the tests, not anew for each of the thousands of configs composed."""

import functools
import pickle
from typing import Any

from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource

from segexp.config.paths import conf_dir


def parse_once() -> None:
    """Lets Hydra keep what it has read of conf/ and of its own package, which no test changes; each gets a copy."""
    Plugins.instance()
    registry = SourcesRegistry.instance()
    for scheme, home in (("file", f"file://{conf_dir()}"), ("pkg", "pkg://hydra")):
        _keep(registry.resolve(scheme), home)


def _keep(source: type[ConfigSource], home: str) -> None:
    load, known = source.load_config, {}

    @functools.wraps(load)
    def loaded(self: Any, config_path: str) -> ConfigResult:
        if f"{self.scheme()}://{self.path}" != home:
            return load(self, config_path)
        key = (self.provider, config_path)
        if key not in known:
            known[key] = pickle.dumps(load(self, config_path))
        result: ConfigResult = pickle.loads(known[key])
        return result

    source.load_config = loaded  # type: ignore[method-assign]
