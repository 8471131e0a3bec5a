"""What keys, flags and commands of other tools are here, where no key of this config has another name for the same.

Keys that are only called differently stand in :data:`segexp.config.checks.suggest.SYNONYMS`.
"""

import re
from collections.abc import Sequence

from segexp.config.overrides.quoting import shell_word

_EVALUATE = "A finished run is tested by python -m segexp evaluate run=<run folder>"
_FROM_DATA = "It is taken from the data; python -m segexp check shows it"
_LOGGER = "Any logger is a block: logger.mine._target_=<its class>, with its keys as logger.mine.<key>=<value>"
_LR_FIND = "Write python -m segexp lr_find with the other words of the training, and add the word that it prints"
_TOLD = {
    "train": f"Without a command word a run is trained. {_EVALUATE}",
    "fit": f"Without a command word a run is trained. {_EVALUATE}",
    "test": "The best checkpoint is always tested; a short test has metric=none bootstrap=0 panels=0 baselines=false",
    "validate": _EVALUATE,
    "eval": _EVALUATE,
    "evaluate": _EVALUATE,
    "predict": "Masks of any images are made by python -m segexp predict run=<run folder> input=<images>",
    "auto_lr_find": _LR_FIND,
    "trainer.auto_lr_find": _LR_FIND,
    "patience": "Write callbacks=early_stopping callbacks.early_stopping.patience={value}",
    "wandb_project": "Write logger=wandb logger.wandb.project={value}",
    "project": "Write logger=wandb logger.wandb.project={value}",
    "num_classes": _FROM_DATA,
    "n_classes": _FROM_DATA,
    "in_channels": _FROM_DATA,
    "out_channels": _FROM_DATA,
    "print_config": "Write --cfg job",
    "hparams_search": "A search is sweep=optuna with ranges, as in sweep=optuna 'optimizer.lr=log(1e-4,1e-2)'",
    "config": "A preset is a file <folder>/experiment/<name>.yaml: write --config-dir <folder> experiment=<name>",
}
"""Key -> a sentence with what to write; ``{value}`` is what was given."""
_OPTIONS = {
    "trainer=lr_find": _LR_FIND,
    "task=autoencoder": "Write task=reconstruction",
    "task=autoencoding": "Write task=reconstruction",
    "task=denoising": "Write task=reconstruction",
    "task=classifier": "Write task=classification",
    "task=classify": "Write task=classification",
    "task=multiclass": "Write task=classification for a class for each image, task=segmentation for one for each pixel",
    "task=semantic": "Write task=segmentation",
    "loss=cross_entropy": "Write loss=ce",
    "loss=crossentropy": "Write loss=ce",
    "loss=CrossEntropyLoss": "Write loss=ce",
    "loss=categorical_crossentropy": "Write loss=ce",
    "loss=sparse_categorical_crossentropy": "Write loss=ce",
    "loss=binary_cross_entropy": "Write loss=bce",
    "loss=binary_crossentropy": "Write loss=bce",
    "loss=BCEWithLogitsLoss": "Write loss=bce",
    "loss=iou": "Write loss=jaccard",
    "loss=l2": "Write loss=mse",
    "logger=many_loggers": "Several are given as a list: 'logger=[wandb,tensorboard]'",
    "logger=neptune": _LOGGER,
    "logger=aim": _LOGGER,
}
"""Option of lightning-hydra-template -> a sentence with what to write."""
_UNUSED = (
    "Use ddp: what no loss depends on is found by itself for tasks of segexp; for a LightningModule of your own write "
    "trainer.strategy._target_=lightning.pytorch.strategies.DDPStrategy trainer.strategy.find_unused_parameters=true"
)
FOREIGN_VALUES = {
    "ddp_find_unused_parameters_true": _UNUSED,
    "ddp_find_unused_parameters_false": "Use ddp",
    "ddp_spawn": "Use ddp: segexp starts the processes itself",
    "ddp_fork": "Use ddp: segexp starts the processes itself",
    "ddp_notebook": "Use ddp: segexp starts the processes itself",
}
"""Lightning's names of strategies that are called otherwise here -> what to write."""
_COMMANDS = {
    "fit": "train",
    "test": "evaluate run=<run folder>",
    "eval": "evaluate run=<run folder>",
    "validate": "evaluate run=<run folder>",
    "infer": "predict run=<run folder> input=<images>",
    "inference": "predict run=<run folder> input=<images>",
    "resume": "resume=<run folder>",
    "sweep": "-m seed=0,1,2",
    "multirun": "-m seed=0,1,2",
    "tune": "sweep=optuna 'optimizer.lr=log(1e-4,1e-2)'",
    "search": "sweep=optuna 'optimizer.lr=log(1e-4,1e-2)'",
    "config": "--cfg job",
    "list": "help",
    "version": "--version",
    "serve": "demo run=<run folder>",
    "visualize": "preview",
    "autoencoder": "task=reconstruction datamodule=images datamodule.root=<folder>",
    "reconstruct": "task=reconstruction datamodule=images datamodule.root=<folder>",
    "reconstruction": "task=reconstruction datamodule=images datamodule.root=<folder>",
    "classify": "task=classification datamodule=image_folder datamodule.root=<folder>",
    "classifier": "task=classification datamodule=image_folder datamodule.root=<folder>",
    "classification": "task=classification datamodule=image_folder datamodule.root=<folder>",
    "segment": "datamodule=folder datamodule.root=<folder>",
    "segmentation": "datamodule=folder datamodule.root=<folder>",
    "cam": "localize run=<run folder> input=<images> output=<folder>",
    "gradcam": "localize run=<run folder> input=<images> output=<folder> method=gradcam",
}
"""Command word of another tool -> the words here; ``<...>`` stands for what has to be given."""


def counterpart(key: str, value: str) -> str | None:
    """Advice on a key of another tool that has no single counterpart here; None: it is none.

    Args:
        key: With dots; a key inside a block is not taken for one at the top.
        value: As given, in Hydra's grammar.
    """
    text = _TOLD.get(key)
    return None if text is None else text.format(value=value).replace("[[", "[").replace("]]", "]")


def told_option(group: str, name: str) -> str | None:
    """The words here for an option of another tool; None: it is none."""
    return _OPTIONS.get(f"{group}={name}")


def told_command(word: str, others: Sequence[str] = ()) -> str | None:
    """The words here for a command of another tool; None: it is none.

    Args:
        word: The command.
        others: The other words that were typed: where one of them gives what the line asks for, all are kept.
    """
    here = _COMMANDS.get(word)
    if here is None:
        return None
    given = {other.partition("=")[0]: other for other in others if "=" in other}
    # What has to be given is filled with what was; a key that is told is not typed twice.
    words = [given.pop(each.partition("=")[0], each) if "=" in each else each for each in _parts(here)]
    told = [shell_word(each) if each in others else each for each in words]
    filled = any(each in others for each in words)
    return " ".join([*told, *(map(shell_word, given.values()) if filled else ())])


def _parts(line: str) -> list[str]:
    """The words of a line; what stands in ``<...>`` or quotes is one."""
    return re.findall(r"(?:<[^>]*>|'[^']*'|\S)+", line)
