"""The demo: words put into a Kinesis stream are counted under the real MultiLangDaemon, all on this machine.

It starts a local AWS, puts words with the word putter, starts the daemon with the sample record processor, waits until
every record is counted, stops the daemon gracefully, and compares what was counted with what was put.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import sys
import threading
from collections import deque
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from botocore.exceptions import BotoCoreError, ClientError

from kclpy_samples.command import end_with, utf8
from kclpy_samples.local import LocalAws, LocalAwsError, local_aws
from kclpy_samples.wordputter import WordPutterError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

WORDS = ("cat", "dog", "bird", "lobster")
TAIL_LINES = 40
NEEDED = ("moto", "hypercorn", "kclpy_helper", "kclpy_jars")
"""What the extra ``local`` brings."""


class Interrupted(BaseException):
    """A signal asked the demo to end."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


class Interruption:
    """Remembers the first SIGINT or SIGTERM, so that the demo ends where it waits; the second ends it at once."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._signum = 0
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, self._handle)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self._event.is_set():
            raise Interrupted(signum)
        self._signum = signum
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Wait ``seconds``; raises :class:`Interrupted` as soon as there is a signal."""
        if self._event.wait(seconds):
            raise Interrupted(self._signum)


class DaemonLog:
    """The daemon's output: its last lines, and with a file all of them."""

    def __init__(self, file: TextIO | None) -> None:
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._file = file

    def __call__(self, line: str) -> None:
        self.tail.append(line)
        if self._file:
            print(line, file=self._file, flush=True)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="kclpy-demo",
        description="Count words from a Kinesis stream under the real MultiLangDaemon, all on this machine.",
    )
    parser.add_argument(
        "--words",
        nargs="+",
        type=utf8,
        default=list(WORDS),
        metavar="WORD",
        help=f"the words (default: {' '.join(WORDS)})",
    )
    parser.add_argument(
        "--records",
        type=_positive,
        default=1000,
        metavar="N",
        help="records in all (default: %(default)s)",
    )
    parser.add_argument(
        "--shards",
        type=_positive,
        default=2,
        metavar="N",
        help="shards of the stream (default: %(default)s)",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave the local AWS running, and print how to talk to it",
    )
    parser.add_argument("--log-file", type=Path, metavar="FILE", help="write the MultiLangDaemon's log to FILE")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def run(argv: Sequence[str]) -> int:
    """What the command does; its exit code."""
    arguments = parser().parse_args(argv)
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return _failed(f"{', '.join(missing)} not installed. Next: pip install 'kclpy-samples[local]'")
    interruption = Interruption()
    try:
        with arguments.log_file.open("w", encoding="utf-8") if arguments.log_file else nullcontext() as file:
            return _demonstrate(arguments, DaemonLog(file), interruption)
    except Interrupted as interrupted:
        _failed(f"stopped by {signal.Signals(interrupted.signum).name}")
        return 128 + interrupted.signum
    except (LocalAwsError, OSError) as error:
        return _failed(str(error))


def _demonstrate(arguments: argparse.Namespace, log: DaemonLog, interruption: Interruption) -> int:
    from kclpy_helper.errors import HelperError

    from kclpy_samples.demonstration import DemoError, Demonstration

    with local_aws(keep=arguments.keep) as aws:
        # From now on this process and its children talk to no other AWS, whatever its user has configured.
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(aws.environment)
        demonstration = Demonstration(arguments.words, arguments.records, arguments.shards, log, interruption.wait)
        try:
            demonstration.run()
            code = 0
        except (DemoError, WordPutterError, HelperError, BotoCoreError, ClientError) as error:
            code = _failed(str(error))
            if log.tail:
                print("The end of the MultiLangDaemon's log:", *log.tail, sep="\n  ", file=sys.stderr)
                print(f"The whole of it: {arguments.log_file or 'run again with --log-file FILE'}", file=sys.stderr)
        if arguments.keep:
            print(how_to_talk_to(aws))
    return code


def _failed(reason: str) -> int:
    print(f"kclpy-demo: {reason}", file=sys.stderr)
    return 1


def how_to_talk_to(aws: LocalAws) -> str:
    """For people, to be pasted."""
    variables = "\n".join(f"  export {name}={value}" for name, value in aws.environment.items())
    return (
        f"The local AWS is still running at {aws.url}. Any AWS client talks to it under these variables:\n"
        f"{variables}\n"
        "Such as:\n"
        "  aws kinesis describe-stream-summary --stream-name words\n"
        "  kclpy-wordputter --stream words -w cat\n"
        f"To end it:\n  kill {aws.pid}"
    )


def main() -> None:
    """The command ``kclpy-demo``."""
    end_with("kclpy-demo", run)


if __name__ == "__main__":
    main()
