"""The properties of one application, made from a file, the environment and the command line.

A later one of these wins over an earlier one::

    what kclpy-helper sets if nobody does      DEFAULTS, and without a file DEFAULTS_WITHOUT_FILE
    the properties file                        or the argument module:Processor
    environment variables                      KCLPY_STREAM, KCLPY_APPLICATION, KCLPY_REGION, KCLPY_SET_<key>
    flags                                      --stream, --application, --region, --set key=value

In the name of a variable two underscores stand for the dot of a nested key: ``KCLPY_SET_kinesisClient__fipsEnabled``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import javaproperties

from kclpy_helper.properties import Place, Properties

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Setting = tuple[str, str, str]
    """A key, its value, and the flag or variable that set it."""

VARIABLES = {"KCLPY_STREAM": "streamName", "KCLPY_APPLICATION": "applicationName", "KCLPY_REGION": "regionName"}
SET_PREFIX = "KCLPY_SET_"
_ONE_OF = (
    ("streamName", "streamArn"),  # an ARN would take precedence over a later name
    ("initialPositionInStream", "initialPositionInStreamExtended", "timestampAtInitialPositionInStream"),
)
"""Keys of which one takes the place of the others."""

DEFAULT = Place("kclpy-helper's default")
DEFAULTS = {"shutdownGraceMillis": "15000"}
"""Without shutdownGraceMillis no record processor is told of a stop."""
_KCL_2 = {
    "AwsCredentialsProvider": "DefaultCredentialsProvider",
    "initialPositionInStream": "TRIM_HORIZON",  # with LATEST, what comes before the first start is finished is lost
    "retrievalMode": "POLLING",  # the KCL's default, enhanced fan-out, is paid for
    "shardSyncIntervalMillis": "1000",  # a pause before the first record, of a minute by default
}
DEFAULTS_WITHOUT_FILE = {
    "1": {
        "AWSCredentialsProvider": "DefaultAWSCredentialsProviderChain",
        "initialPositionInStream": "TRIM_HORIZON",
    },
    "2": _KCL_2,
    "3": {**_KCL_2, "leaseAssignmentIntervalMillis": "5000"},  # another one, of 20 s
}
"""By the major version of the KCL."""


def compose(
    source: Properties | str, kcl_version: str, environment: Mapping[str, str], flags: Iterable[Setting]
) -> Properties:
    """The properties of ``source``, a file's or a ``module:Processor``, with all that changes them.

    ``places`` says of each value which file, variable, flag or default it comes from.
    """
    values = {**DEFAULTS}
    if isinstance(source, str):
        values |= DEFAULTS_WITHOUT_FILE[kcl_version.partition(".")[0]]
        values["executableName"] = f"{Path(sys.executable).name} -m kclpy {source}"
    places = dict.fromkeys(values, DEFAULT)
    path = Path(str(source))  # what a message names where there is no file
    if isinstance(source, str):
        places["executableName"] = Place(f"the argument {source}")
    else:
        path = source.path
        values |= source.values
        places |= source.places
    for key, value, place in [*_variables(environment), *flags]:
        for other in (other for keys in _ONE_OF if key in keys for other in keys):
            values.pop(other, None)
            places.pop(other, None)
        target = "streamArn" if key == "streamName" and value.startswith("arn:") else key
        values[target], places[target] = value, Place(place)
    return Properties(path, values, places)


def _variables(environment: Mapping[str, str]) -> Iterable[Setting]:
    for name, value in environment.items():
        if name in VARIABLES:
            yield VARIABLES[name], value, name
        elif name.startswith(SET_PREFIX):
            yield name.removeprefix(SET_PREFIX).replace("__", "."), value, name


def write(app: Properties, folder: Path) -> Properties:
    """``app`` as a file in ``folder``."""
    path = folder / "effective.properties"
    with path.open("w", encoding="latin-1") as file:
        javaproperties.dump(app.values, file)
    return Properties(path, app.values, app.places)


def put_interpreter_on_path() -> None:
    """See to it that the daemon, by way of PATH, finds this interpreter under its name.

    executableName is split at spaces, so that no path is safe in it.
    """
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
