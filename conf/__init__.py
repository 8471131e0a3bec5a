"""The configuration as a package, ``segexp.conf``; Hydra asks for this file beside the YAML files."""
