"""What an examination is about, and what its checks find out for one another."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from kclpy_helper import aws
from kclpy_helper.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from kclpy_helper.aws import Service
    from kclpy_helper.properties import Properties

    T = TypeVar("T")


NOT_IN_AWS = "NotInAws"
"""The code of what was not asked of AWS."""


@dataclass(slots=True)
class Examination:
    """An application or None, and how it is run.

    ``java`` and ``jvm_options`` are what ``--java`` and ``--jvm-option`` say, and ``seconds`` how long the executable may take
    to start, answer and end.
    ``kcl_version`` is the bundled one once that is known. ``skew`` is how many seconds the clock of AWS is ahead of ours,
    once a service has answered.
    """

    app: Properties | None = None
    java: str | None = None
    seconds: float = 30.0
    jvm_options: tuple[str, ...] = ()
    kcl_version: str = "3"
    skew: float | None = None
    _endpoints: dict[Service, str] = field(default_factory=dict)
    _clients: dict[Service, Any] = field(default_factory=dict)

    @property
    def properties(self) -> Properties:
        """The properties of the application, for checks that are made only where there is one."""
        if self.app is None:
            raise ValueError("there is no application")
        return self.app

    def client(self, service: Service) -> Any:
        """A client of ``service`` for the application.

        Raises :class:`~kclpy_helper.errors.RefusedError`, also where ``service`` would be AWS's own beside a Kinesis or DynamoDB
        that is not.
        """
        if service not in self._clients:
            if aws.is_of_aws(self.endpoint(service)) and not self.is_in_aws:
                raise RefusedError(service, NOT_IN_AWS, "it would be AWS's own, beside an endpoint that is not")
            self._clients[service] = _tried(aws.client, self.properties, service)
        return self._clients[service]

    def endpoint(self, service: Service) -> str:
        """The URL of ``service`` for the application. Raises :class:`~kclpy_helper.errors.RefusedError`."""
        if service not in self._endpoints:
            self._endpoints[service] = _tried(aws.endpoint, self.properties, service)
        return self._endpoints[service]

    @property
    def is_in_aws(self) -> bool:
        """Whether the application is in AWS itself: of one that is not, nothing is asked there."""
        return all(aws.is_of_aws(self.endpoint(service)) for service in aws.OF_THE_APPLICATION)

    def ask(self, service: Service, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation, by its name in boto3, that reads only. Raises :class:`~kclpy_helper.errors.RefusedError`."""
        client = self.client(service)
        try:
            response: dict[str, Any] = getattr(client, operation)(**parameters)
        except Exception as error:
            self._note_clock(getattr(error, "response", None) or {})  # None: nobody answered
            if refusal := aws.refused(error, operation):
                raise refusal from None
            raise
        self._note_clock(response)
        return response

    def _note_clock(self, response: dict[str, Any]) -> None:
        date = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        if date:
            self.skew = parsedate_to_datetime(date).timestamp() - time.time()


def _tried(what: Callable[[Properties, Service], T], app: Properties, service: Service) -> T:
    from botocore.exceptions import BotoCoreError

    try:
        return what(app, service)
    except (BotoCoreError, ValueError) as error:  # botocore's own for an endpoint that is not a URL
        raise RefusedError(service, type(error).__name__, str(error)) from None
