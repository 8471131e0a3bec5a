import gc

import pytest

from segexp.system.imports import quick_imports


def test_no_collection_inside_and_again_afterwards() -> None:
    kept = gc.get_freeze_count()
    with quick_imports():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > kept
    gc.unfreeze()


def test_a_failed_import_leaves_collection_on() -> None:
    with pytest.raises(ModuleNotFoundError), quick_imports():
        import no_such_module_at_all  # noqa: F401
    assert gc.isenabled()
    gc.unfreeze()


def test_stays_off_where_it_was_off() -> None:
    gc.disable()
    try:
        with quick_imports():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
