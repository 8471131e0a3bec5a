"""Where the configuration lies: ``conf/`` beside the package in a checkout, inside the package in a wheel."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def conf_dir() -> Path:
    """The folder of the Hydra groups that ships with segexp."""
    shipped = PACKAGE / "conf"
    # In a checkout that folder is there too, and points to the other: segexp.conf.
    return shipped if (shipped / "train.yaml").is_file() else PACKAGE.parent / "conf"
