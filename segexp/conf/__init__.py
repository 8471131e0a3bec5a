"""The configuration as a package, for ``hydra.initialize_config_module("segexp.conf")``.

A wheel holds the YAML files in this folder. In a checkout they lie in ``conf/`` at its top, for the eye: there this
package says that its files are those.
"""

from importlib.machinery import SourceFileLoader

from segexp.config.paths import PACKAGE, conf_dir

if conf_dir() != PACKAGE / "conf":
    __path__ = [str(conf_dir())]
    # importlib.resources, by which Hydra reads, goes by the loader alone.
    __spec__.loader = SourceFileLoader(__name__, str(conf_dir() / "__init__.py"))
