"""What a composed training config must hold: one dataclass per section that is not a ``_target_``.

A section with a ``_target_`` takes its schema from the signature of that class, see
:mod:`segexp.config.signatures.signature`.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Annotated, Any, Literal

from segexp.spec import Direction
from segexp.types import (
    BatchLimit,
    CheckpointEvery,
    Draws,
    Duration,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Range,
    Seed,
    Tag,
)

ObjectConfig = dict[str, Any]
"""A block with ``_target_``: the class to build and its arguments, on their way to Hydra's ``instantiate``."""


@dataclass(frozen=True)
class Supplied:
    """Marks a section with a ``_target_``.

    Attributes:
        keys: Given by the program; they may not stand in the YAML.
        auto: Whether any key may be ``auto``, filled in when training starts.
        beside: Dataclass of keys that stand beside the arguments of the class, for the program; where there is one,
            ``_target_`` may be null, for no object.
        filled: Keys that the program takes from the data where they are ``auto``, or left out.
        inner: Keys that hold more objects of the kind, given the same by the program: a list of them, or a block by
            names of the user's.
        optional: Keys given by the program where the YAML does not.
        base: Dotted name of a class; to classes that are not below it the program gives a key of ``keys`` only where
            the YAML does not, and only if they take it.
    """

    keys: tuple[str, ...] = ()
    _: KW_ONLY
    auto: bool = False
    beside: type | None = None
    inner: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    base: str | None = None
    filled: tuple[str, ...] = ()


TASK_PARTS = (
    "model", "loss", "spec", "optimizer", "schedule", "speed", "record", "inference", "measures", "shares", "tta",
    "param_groups", "precision", "threshold", "metrics", "skips_nan",
)  # fmt: skip
"""Arguments of a task that training gives."""
OFFERED = ("model", "loss", "optimizer", "scheduler", "spec")
"""Arguments that a LightningModule of the user's own is given where it takes them: what sections of the name make."""


LoggerConfig = Annotated[ObjectConfig | None, Supplied(("run",), optional=("save_dir", "root_dir"))]
"""A block of the section ``logger``; null: none."""


def default_task() -> ObjectConfig:
    """Gives the block ``task`` of configs that have none: that of conf/task/segmentation.yaml."""
    return {"_target_": "segexp.tasks.segmentation.Segmentation", "two_logits": False}


@dataclass(frozen=True)
class SchedulerConfig:
    """Keys of a learning-rate schedule beside its class and the arguments of that."""

    interval: Literal["step", "epoch"] = "epoch"
    monitor: str | None = None


@dataclass(frozen=True)
class DurationConfig:
    """A time as Lightning takes it in parts: ``max_time: {hours: 3}``."""

    weeks: NonNegativeInt = 0
    days: NonNegativeInt = 0
    hours: NonNegativeInt = 0
    minutes: NonNegativeInt = 0
    seconds: NonNegativeInt = 0


@dataclass(frozen=True)
class AlsoTaken:
    """Keys of a section beside its fields: the arguments of a class, read from its source where one is met.

    Attributes:
        target: Dotted path of the class.
        elsewhere: Arguments that are said in another place, and where.
    """

    target: str
    elsewhere: Mapping[str, str] = field(default_factory=dict)


ELSEWHERE = {
    "logger": "loggers are a group: logger=wandb, or several: 'logger=[csv,mlflow]'; metrics.csv is always written",
    "callbacks": "callbacks are a block of their own: callbacks.<name>._target_=<class>",
    "enable_checkpointing": "best.ckpt and last.ckpt are always written, results are made of them; last.ckpt within "
    "epochs by trainer.checkpoint_every=5min, more of them by "
    "callbacks.<name>._target_=lightning.pytorch.callbacks.ModelCheckpoint",
    "enable_progress_bar": "say trainer.progress=bar, lines or none",
    "default_root_dir": "say output_dir=<folder>",
    "limit_predict_batches": "predictions are a command of their own, which takes the files that it is given: "
    "predict run=<run folder> input=<files>",
    "model_registry": "weights are taken from a file: init_from=<checkpoint>, and written to checkpoints/",
    "barebones": "it would write no figure and no checkpoint, of which results are made; for the bare time of a step: "
    "preview step=true",
}
"""Arguments of Lightning's Trainer that have another place here, and which."""


TrainerPrecision = Literal[
    "32-true", "16-mixed", "bf16-mixed", "bf16-true", "16-true", "64-true",
    "transformer-engine", "transformer-engine-float16",
]  # fmt: skip
"""Numbers in which a training computes, as Lightning calls them."""


@dataclass(frozen=True)
class TrainerConfig:
    """Arguments of the Lightning Trainer, under Lightning's own names, and the progress display.

    Those that segexp hands on without a look are keys too, with the types that Lightning's source gives them.
    """

    also = AlsoTaken(
        "lightning.pytorch.trainer.trainer.Trainer",
        {**ELSEWHERE, "_target_": "the Trainer is always Lightning's own; leave it out"},
    )

    max_epochs: PositiveInt | Literal[-1] | None
    max_time: Duration | DurationConfig | None
    accelerator: Literal["auto", "cpu", "gpu", "mps"]
    gradient_clip_val: PositiveFloat | None
    accumulate_grad_batches: PositiveInt
    check_val_every_n_epoch: PositiveInt | None
    deterministic: bool | Literal["warn"]
    progress: Literal["auto", "bar", "lines", "none"]
    # Configs of earlier runs do not have them.
    strategy: Literal["auto", "ddp", "fsdp"] | ObjectConfig = "auto"
    devices: PositiveInt | Literal["auto"] | list[NonNegativeInt] = 1
    num_nodes: PositiveInt = 1
    precision: TrainerPrecision | None = None
    max_steps: PositiveInt | Literal[-1] = -1
    min_epochs: PositiveInt | None = None
    min_steps: PositiveInt | None = None
    limit_train_batches: BatchLimit | None = None
    limit_val_batches: BatchLimit | None = None
    limit_test_batches: BatchLimit | None = None
    overfit_batches: BatchLimit = 0.0
    fast_dev_run: bool | NonNegativeInt = False
    val_check_interval: BatchLimit | Duration | DurationConfig | None = None
    num_sanity_val_steps: NonNegativeInt | Literal[-1] = 0
    log_every_n_steps: PositiveInt = 50
    gradient_clip_algorithm: Literal["norm", "value"] | None = None
    detect_anomaly: bool = False
    profiler: Literal["simple", "advanced", "pytorch"] | ObjectConfig | None = None
    plugins: ObjectConfig | list[ObjectConfig] | None = None
    on_nan: Literal["stop", "skip"] = "stop"
    watchdog: PositiveFloat | None = 10.0
    checkpoint_every: CheckpointEvery | None = None
    allow_oversize: bool = False
    live_report: PositiveFloat | None = 10.0


@dataclass(frozen=True)
class ParamGroupsConfig:
    """Weights with another learning rate or decay than the optimiser's keys say."""

    lr_factors: dict[str, PositiveFloat] = field(default_factory=lambda: {"encoder": 1.0})
    norm_decay: bool = True


@dataclass(frozen=True)
class SpeedConfig:
    """Section ``speed``: settings that make the same experiment faster."""

    channels_last: bool | Literal["auto"]
    precision: Literal["auto", "bfloat16", "float32"]
    allocator: bool | Literal["auto"]
    compile: bool


@dataclass(frozen=True)
class InferenceConfig:
    """Section ``inference``: images of validation and test are seen whole, or in windows."""

    window: PositiveInt | Literal["auto"] | None
    overlap: Annotated[float, Range(low=0, high=0.9)]
    blend: Literal["gaussian", "constant"]
    batch_size: PositiveInt | Literal["auto"]


@dataclass(frozen=True)
class SlurmConfig:
    """Section ``sweep.slurm``: resources that each job of a sweep asks of SLURM."""

    partition: str | None = None
    account: str | None = None
    constraint: str | None = None
    time: PositiveInt = 240
    memory: str | None = None
    cpus: PositiveInt = 1
    gpus: NonNegativeInt = 0
    requeues: NonNegativeInt = 20
    setup: list[str] = field(default_factory=list)
    options: dict[str, Any] | None = None


@dataclass(frozen=True)
class RayConfig:
    """Section ``sweep.ray``: resources that each job of a sweep asks of Ray."""

    address: str | None = None
    cpus: PositiveInt = 1
    gpus: NonNegativeFloat = 0
    retries: NonNegativeInt = 3


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """Keys of ``sweep=optuna`` beside those of every sweep; ``trials`` None: a grid."""

    trials: PositiveInt | None = None
    study: str | None = None
    storage: str | None = None
    sampler: Literal["tpe", "random"] = "tpe"
    pruner: Literal["median", "hyperband", "none"] = "median"
    startup: PositiveInt = 10
    warmup: NonNegativeInt = 2
    seed: Seed = 0


@dataclass(frozen=True, kw_only=True)
class SweepConfig(SearchConfig):
    """Section ``sweep``: the engine and limits of the jobs of a sweep; a single run takes no notice."""

    engine: Literal["local", "slurm", "ray"]
    jobs: PositiveInt | Literal["auto"]
    gpus: list[int | str] | Literal["auto"]
    resume: str | None
    # Configs of earlier runs do not have them.
    slurm: SlurmConfig = field(default_factory=SlurmConfig)
    ray: RayConfig = field(default_factory=RayConfig)


@dataclass(frozen=True)
class TrainConfig:
    """The whole tree of ``python -m segexp``."""

    name: str | None
    seed: Seed
    monitor: str
    tta: Literal["none", "flips", "d4"]
    panels: NonNegativeInt
    bootstrap: Draws
    baselines: bool
    output_dir: str
    resume: str | None
    debug: bool
    datamodule: Annotated[ObjectConfig, Supplied(("augment",), base="segexp.data.base.ImageDataModule")]
    trainer: TrainerConfig
    speed: SpeedConfig
    inference: InferenceConfig
    sweep: SweepConfig
    # A LightningModule of the user's own may bring what these make; every other training has them.
    model: Annotated[ObjectConfig, Supplied(("in_channels", "out_channels"))] = field(default_factory=dict)
    loss: Annotated[ObjectConfig, Supplied()] = field(default_factory=dict)
    optimizer: Annotated[ObjectConfig, Supplied(("params",))] = field(default_factory=dict)
    scheduler: Annotated[
        ObjectConfig, Supplied(("optimizer",), auto=True, beside=SchedulerConfig, inner=("schedulers",))
    ] = field(default_factory=dict)
    augment: Annotated[ObjectConfig, Supplied()] = field(default_factory=dict)
    # callbacks=[], metric=[] and logger=[] leave no block behind.
    callbacks: dict[str, Annotated[ObjectConfig, Supplied()]] = field(default_factory=dict)
    metric: dict[str, Annotated[ObjectConfig, Supplied(filled=("task", "num_classes"))]] = field(default_factory=dict)
    logger: dict[str, LoggerConfig] = field(default_factory=dict)
    # Configs of earlier runs do not have them.
    task: Annotated[ObjectConfig, Supplied(TASK_PARTS, base="segexp.tasks.base.BaseTask")] = field(
        default_factory=default_task
    )
    tags: list[Tag] = field(default_factory=list)
    monitor_mode: Direction | None = None
    panel_epochs: NonNegativeInt | list[NonNegativeInt | Literal["untrained"]] | Literal["auto"] = "auto"
    val_panels: NonNegativeInt = 4
    references: dict[str, float | list[float]] | None = None
    references_from: str | None = None
    references_row: Literal["model", "model at 0.5"] = "model"
    trust: str | list[str] = field(default_factory=list)
    init_from: str | None = None
    init_channels: Literal["exact", "adapt"] = "exact"
    param_groups: ParamGroupsConfig = field(default_factory=ParamGroupsConfig)


@dataclass(frozen=True)
class CheckConfig(TrainConfig):
    """The tree of ``python -m segexp check``: that of a training, and the check's own keys."""

    full: bool = False
    probe: NonNegativeFloat = 0.3
    scope: Literal["config", "data", "all", "contracts"] = "all"
    format: Literal["table", "json"] = "table"


@dataclass(frozen=True)
class MapsConfig:
    """Choice of the maps that become pseudo-masks, and of the way: keys of the command localize."""

    method: Literal["lecture", "gradcam", "fine"] = "fine"
    label: str | None = None
    scale: PositiveFloat | Literal["auto"] = "auto"
    smooth: NonNegativeFloat = 10.0
    views: Literal["none", "d4"] = "none"
    threshold: Annotated[float, Range(low=0, high=1, open_low=True, open_high=True)] = 0.4
    band: Annotated[float, Range(low=0, high=0.5)] = 0.1


@dataclass(frozen=True)
class FromCamConfig(TrainConfig):
    """The tree of ``python -m segexp from_cam``: that of a training, and where its masks come from."""

    classifier: str = ""
    patches: str | list[str] = ""
    masks: str = ""
    maps: MapsConfig = field(default_factory=MapsConfig)


@dataclass(frozen=True)
class PreviewConfig(TrainConfig):
    """The tree of ``python -m segexp preview``: that of a training, and the preview's own keys."""

    images: PositiveInt = 8
    epochs: PositiveInt = 3
    workers: list[Annotated[int, Range(low=0, high=512)]] = field(default_factory=lambda: [0, 1, 2])
    step: bool | Literal["auto"] = "auto"


@dataclass(frozen=True)
class LrFindConfig(TrainConfig):
    """The tree of ``python -m segexp lr_find``: that of a training, and the arguments of Lightning's finder."""

    min_lr: PositiveFloat = 1e-8
    max_lr: PositiveFloat = 1.0
    num_training: Annotated[int, Range(low=20)] = 100
    mode: Literal["exponential", "linear"] = "exponential"
    early_stop_threshold: PositiveFloat | None = 4.0
