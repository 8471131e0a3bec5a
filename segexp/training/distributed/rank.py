"""One rank of a training, in a process of its own."""

import sys

from segexp.system.process import die_with_parent, run_and_exit
from segexp.system.signals import tell_of_stops
from segexp.training.commands import run_training
from segexp.training.distributed.messages import Board
from segexp.training.distributed.plan import started


def run_rank() -> None:
    """Does the work of a rank and leaves at once."""
    die_with_parent(int(sys.argv[1]))
    run_and_exit(_work)


def _work() -> int:
    board, place = Board.here(), started()
    if board is None or place is None:
        raise RuntimeError("a rank is started by segexp.training.distributed.launch")
    tell_of_stops(board.interrupt)
    try:
        run_training(board.read_job())
    except BaseException as error:
        return 130 if isinstance(error, KeyboardInterrupt) else board.report(place.rank, error)
    return 0
