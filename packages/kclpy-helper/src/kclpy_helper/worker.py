"""The worker's name, ``workerId``, and that no two workers on this host have it at the same time.

Whoever has a name holds two locks in the user's runtime folder: one is ``kclpy-helper run``'s alone, the other also its
daemon's, which may outlive it.
"""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import time
import uuid
import warnings
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import portalocker
from platformdirs import user_runtime_path

from kclpy_helper.application import DEFAULT
from kclpy_helper.aws import lease_table
from kclpy_helper.errors import WorkerRunsError
from kclpy_helper.logs import Level
from kclpy_helper.properties import Properties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_KEYS = ("workerId", "workerIdentifier")
_POLL_SECONDS = 0.1
_DEATH_SECONDS = 5.0


@contextmanager
def named(
    app: Properties, say: Callable[[Level, str], None], *, patience: float
) -> Iterator[tuple[Properties, BinaryIO | None]]:
    """``app`` with a ``workerId`` that is this worker's alone on this host while the block runs, and the daemon's lock.

    Without one in ``app`` it is the first of :func:`names` that is free. A daemon that a ``kclpy-helper run`` left behind
    which was killed is asked to end, and killed after ``patience`` seconds. Raises
    :class:`~kclpy_helper.errors.WorkerRunsError`.
    """
    given = next((app.values[key] for key in _KEYS if app.values.get(key)), None)
    try:
        folder = _folder()
    except OSError as error:
        say(Level.WARNING, f"a second worker of the same name would not be noticed: no locks can be kept: {error}")
        name = given or f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
        yield _with_name(app, name), None
        return
    for name in [given] if given else names(folder):
        with ExitStack() as stack:
            path = folder / hashlib.sha256("\n".join([*_table(app), name]).encode()).hexdigest()[:32]
            run, daemon = (stack.enter_context(path.with_suffix(part).open("a+b")) for part in (".run", ".daemon"))
            if not given and not (_lock(run) and _lock(daemon)):
                continue
            if given and not _lock(run):
                raise WorkerRunsError(name, app.values.get("applicationName", ""), _pid(run))
            if given and not _lock(daemon):
                _end(daemon, say, patience)
                if not _lock_within(_DEATH_SECONDS, daemon):
                    raise WorkerRunsError(name, app.values.get("applicationName", ""), _pid(daemon))
            daemon.truncate(0)
            write_pid(run, os.getpid())
            yield _with_name(app, name), daemon
            return


def _end(daemon: BinaryIO, say: Callable[[Level, str], None], patience: float) -> None:
    """End the process that has locked ``daemon``, and its process group if it takes too long."""
    pid = _pid(daemon)
    if pid is None:
        return
    say(
        Level.WARNING,
        f"ending the daemon that an earlier kclpy-helper left behind, process {pid}, within {patience:.0f} s",
    )
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        if not _lock_within(patience, daemon):
            os.killpg(pid, signal.SIGKILL)


def _lock_within(seconds: float, file: BinaryIO) -> bool:
    deadline = time.monotonic() + seconds
    while not (locked := _lock(file)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return locked


def names(folder: Path) -> Iterator[str]:
    """Names for the workers that keep their locks in ``folder``: the same at each start, and nobody else's.

    Hosts of one name differ in their network card or in the id of the installation (machine-id(5)). A container, and a
    service with files of its own, is a host of its own at each start: nothing in it tells whether it is the same again.
    """
    facts = [str(folder), str(uuid.getnode())]
    for read in (Path("/etc/machine-id").read_text, Path("/proc/self/ns/mnt").readlink):
        with suppress(OSError):
            facts.append(str(read()))
    name = f"{socket.gethostname()}-{hashlib.sha256(chr(10).join(facts).encode()).hexdigest()[:8]}"
    return (name if number == 1 else f"{name}-{number}" for number in count(1))


def write_pid(lock: BinaryIO, pid: int) -> None:
    """Say in ``lock`` which process has it."""
    lock.truncate(0)
    lock.write(f"{pid}\n".encode())
    lock.flush()


def _pid(lock: BinaryIO) -> int | None:
    lock.seek(0)
    text = lock.read(20).strip()
    return int(text) if text.isdigit() else None


def _folder() -> Path:
    """The folder of the locks. Raises :class:`OSError` where it cannot be used, or another user has made it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = user_runtime_path("kclpy")  # warns where it is in the folder for temporary files
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    return folder


def _table(app: Properties) -> list[str]:
    """What tells one lease table from another."""
    values = [app.values.get(key, "") for key in ("dynamoDBEndpoint", "dynamoDbClient.endpointOverride")]
    variables = [os.environ.get(name, "") for name in ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL")]
    return [lease_table(app), app.values.get("regionName") or os.environ.get("AWS_REGION", ""), *values, *variables]


def _lock(file: BinaryIO) -> bool:
    """Lock ``file``, for as long as it is open; whether nobody else has locked it."""
    try:
        portalocker.lock(file, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
    except portalocker.AlreadyLocked:
        return False
    return True


def _with_name(app: Properties, name: str) -> Properties:
    if any(app.values.get(key) for key in _KEYS):
        return app
    return Properties(app.path, {**app.values, "workerId": name}, {**app.places, "workerId": DEFAULT})
