import gc
import subprocess
import sys

from segexp.system.garbage import garbage_kept, garbage_searched


def test_garbage_is_kept_while_a_config_is_made_and_searched_for_in_what_it_starts() -> None:
    assert gc.isenabled()
    with garbage_kept():
        assert not gc.isenabled()
        with garbage_searched():
            assert gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_before_is_so_again_after_an_error() -> None:
    try:
        with garbage_kept():
            raise ValueError
    except ValueError:
        pass
    assert gc.isenabled()


def test_a_command_ends_with_its_code_where_nothing_is_searched_at_exit() -> None:
    words = ["segexp", "check", "scope=config", "modl=cunet"]
    code = f"import sys; sys.argv = {words}; from segexp.__main__ import main; main()"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "modl" in ended.stderr
