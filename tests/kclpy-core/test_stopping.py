"""How a shard's process learns that its daemon is being stopped."""

from kclpy.stopping import STOPPING_VARIABLE, is_stopping


def test_a_daemon_is_being_stopped_once_its_file_is_there(tmp_path, monkeypatch):
    """Before, and without the variable, it is not."""
    monkeypatch.delenv(STOPPING_VARIABLE, raising=False)
    assert not is_stopping()
    path = tmp_path / "stopping"
    monkeypatch.setenv(STOPPING_VARIABLE, str(path))
    assert not is_stopping()
    path.touch()
    assert is_stopping()
