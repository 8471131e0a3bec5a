"""What a training changes in its process beside its own objects, put back where another program goes on in it."""

import logging
import os
import random
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch

_LOGGERS = ("segexp", "lightning", "lightning.pytorch", "lightning.fabric", "matplotlib")


@contextmanager
def restored_process() -> Iterator[None]:
    """Puts back, after this context, random numbers, torch's switches, loggers, signals, warnings and the environment.

    Two trainings of one process then are as two processes, and a notebook is as it was before.
    """
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        for kept in (_environment, _loggers, _signals, _random_numbers, _torch_switches):
            stack.enter_context(kept())
        yield


@contextmanager
def _environment() -> Iterator[None]:
    """Variables that Lightning sets, such as the seed of workers."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _loggers() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]
    try:
        yield
    finally:
        for logger, (level, propagate, handlers) in zip(loggers, before, strict=True):
            logger.setLevel(level)
            logger.propagate = propagate
            logger.handlers[:] = handlers


@contextmanager
def _signals() -> Iterator[None]:
    """Handlers of Ctrl-C and of a request to end; only the main thread may set them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _random_numbers() -> Iterator[None]:
    python, numbers = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numbers)


@contextmanager
def _torch_switches() -> Iterator[None]:
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
