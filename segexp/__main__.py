"""``python -m segexp`` and the console script ``segexp``."""

import sys


def main() -> None:
    """Runs the command line and ends with its exit code."""
    try:
        from segexp.cli.app import run
        from segexp.system.garbage import keep_garbage_at_exit
        from segexp.system.pipe import BROKEN_PIPE, output_is_closed
        from segexp.system.process import in_process_group, run_and_exit
    except KeyboardInterrupt:
        # Nothing that could say it is there yet.
        sys.stderr.write("segexp: interrupted\n")
        sys.exit(130)

    code = run(sys.argv[1:])
    code = BROKEN_PIPE if output_is_closed() else code
    if in_process_group():
        run_and_exit(lambda: code)
    keep_garbage_at_exit()
    sys.exit(code)


if __name__ == "__main__":
    main()
