"""Collects the jars of a lock in a folder. Whatever the source, the lock decides.

A file has its final name only once all of its bytes were compared with the lock: it is written
under another name, counted and hashed, then renamed.

The folder's own ``lock.json`` is written last and says that the folder is complete. From then on a
changed, a missing and an unlisted jar are each an error, never mended in passing: somebody other
than the build has been at work there. While the folder is incomplete (new, interrupted, or of
another lock, whose jars then make room) a missing jar is collected, and it is an error only if no
source has it. A folder of another layout, which an older or newer kclpy-jars filled, makes room as a whole.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kclpy_jars.errors import DamagedError, JarsError, LayoutError
from kclpy_jars.lock import LOCK_NAME
from kclpy_jars.verification import find_faults, sha256_of
from platformdirs import user_cache_path
from tqdm import tqdm

from jartools.locks import read
from jartools.sources import MIRROR_VARIABLE, Folder, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kclpy_jars.lock import Jar, Lock
    from kclpy_jars.verification import Fault

    from jartools.sources import Source

CACHE_VARIABLE = "KCLPY_JARS_CACHE"
CONNECTIONS = 8
"""Jars asked for at the same time."""

PARTIAL = ".part"
"""How the name of a file ends that is still being written, or was when its build was killed."""


class CollectError(JarsError):
    """No source has ``jar`` as the lock says; ``failures`` pairs each one tried with its reason."""

    def __init__(self, jar: Jar, failures: Sequence[tuple[str, str]]) -> None:
        super().__init__(jar, failures)
        self.jar = jar
        self.failures = tuple(failures)

    def __str__(self) -> str:
        tried = "".join(f"\n  {source}: {reason}" for source, reason in self.failures)
        return (
            f"cannot collect {self.jar.filename} ({self.jar}, {self.jar.size} bytes, "
            f"sha256 {self.jar.sha256}); tried:{tried}\n"
            f"Set {MIRROR_VARIABLE} to a Maven mirror, or to a folder laid out as one, that has it."
        )


def default_cache() -> Path:
    """Where jars are kept for the next build: KCLPY_JARS_CACHE, or the user's cache folder."""
    return Path(os.environ.get(CACHE_VARIABLE) or user_cache_path("kclpy-jars"))


def is_complete(lock: Lock, folder: Path) -> bool:
    """Whether the jars of ``lock`` were all collected in ``folder``.

    Raises DamagedError if they were and are no longer as they should be, LockError if the folder's
    own lock cannot be read.
    """
    try:
        if read(folder / LOCK_NAME) != lock:
            return False
    except (FileNotFoundError, LayoutError):
        return False
    _refuse(folder, find_faults(lock, folder))
    return True


def collect(lock: Lock, folder: Path, cache: Path, sources: Sequence[Source]) -> None:
    """Make ``folder`` hold the jars of ``lock``, its document, and nothing else.

    What ``cache`` does not have by its hash, the sources are asked for in order; what they give is
    kept in the cache.

    Raises DamagedError if a file in the folder is not what it should be, CollectError if no source
    has a jar as the lock describes it, LockError if the folder's own lock cannot be read, and
    OSError if a file cannot be written.
    """
    if is_complete(lock, folder):
        return
    document = folder / LOCK_NAME
    try:
        former = read(document)
    except FileNotFoundError:
        pass
    except LayoutError:
        shutil.rmtree(folder)
    else:
        document.unlink()
        kept = {jar.filename for jar in lock.jars}
        for jar in former.jars:
            if jar.filename not in kept:
                (folder / jar.filename).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    for partial in folder.glob(f".*{PARTIAL}"):
        partial.unlink()
    faults = find_faults(lock, folder)
    _refuse(folder, [fault for fault in faults if fault.kind != "missing"])
    missing = {fault.filename for fault in faults}
    cache.mkdir(parents=True, exist_ok=True)
    _collect_all([jar for jar in lock.jars if jar.filename in missing], folder, cache, sources)
    with replacing(document) as file:
        file.write(lock.dumps().encode())


def _collect_all(jars: Sequence[Jar], folder: Path, cache: Path, sources: Sequence[Source]) -> None:
    def collect_one(jar: Jar) -> Jar:
        cached = _fetch(jar, cache, sources)
        _store(jar, Folder("the cache", cache).chunks(cached.name), folder / jar.filename)
        return jar

    size = sum(jar.size for jar in jars)
    with (
        ThreadPoolExecutor(CONNECTIONS) as pool,
        # disable=None: only where stderr is a terminal.
        tqdm(total=size, desc="collecting jars", unit="B", unit_scale=True, disable=None, leave=False) as bar,
    ):
        try:
            for done in as_completed([pool.submit(collect_one, jar) for jar in jars]):
                bar.update(done.result().size)
        except BaseException:
            # One jar that cannot be had is enough to fail: what was not begun need not be.
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the name ``path`` when the block ends, and vanishes if that raises."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _fetch(jar: Jar, cache: Path, sources: Sequence[Source]) -> Path:
    cached = cache / f"{jar.sha256}.jar"
    if cached.exists():
        if sha256_of(cached) == jar.sha256:
            return cached
        cached.unlink()
    failures = []
    for source in sources:
        try:
            _store(jar, source.chunks(jar.maven_path), cached)
        except UnavailableError as reason:
            failures.append((source.name, str(reason)))
        else:
            return cached
    raise CollectError(jar, failures)


def _store(jar: Jar, chunks: Iterable[bytes], path: Path) -> None:
    """Raises UnavailableError, with nothing left at ``path``, if these are not the jar's bytes."""
    size = 0
    digest = hashlib.sha256()
    with replacing(path) as file:
        for chunk in chunks:
            size += len(chunk)
            if size > jar.size:
                raise UnavailableError(f"another file: more than {jar.size} bytes")
            digest.update(chunk)
            file.write(chunk)
        if digest.hexdigest() != jar.sha256:
            raise UnavailableError(f"another file: {size} bytes, sha256 {digest.hexdigest()}")


def _refuse(folder: Path, faults: Sequence[Fault]) -> None:
    if faults:
        raise DamagedError(folder, faults)
