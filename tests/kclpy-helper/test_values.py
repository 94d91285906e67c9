"""What the daemon makes of single values; each row was tried on the classes of its KCL."""

from __future__ import annotations

import time

import pytest
from kclpy_helper import keys, values
from kclpy_helper.findings import Severity

SOUND = [
    ("3.1.3", "failoverTimeMillis", " 5000 "),
    ("3.1.3", "failoverTimeMillis", "+7"),
    ("3.1.3", "maxRecords", "10000"),
    ("3.1.3", "maxActiveThreads", "-1"),
    ("3.1.3", "timeoutInSeconds", "5"),
    ("3.1.3", "millisBehindLatestThresholdForReducedTps", "0"),
    ("3.1.3", "workerMetricsEMAAlpha", "0.18"),
    ("3.1.3", "maxThroughputPerHostKBps", "1e3"),
    ("3.1.3", "callProcessRecordsEvenForEmptyRecordList", "false"),
    ("3.1.3", "callProcessRecordsEvenForEmptyRecordList", "YES"),
    ("3.1.3", "isGracefulLeaseHandoffEnabled", "0"),
    ("3.1.3", "retrievalMode", "polling"),
    ("3.1.3", "clientVersionConfig", "client_version_config_3x"),
    ("3.1.3", "coordinatorStateBillingMode", "provisioned"),
    ("3.1.3", "initialPositionInStreamExtended", "1700000000"),
    ("3.1.3", "staleWorkerMetricsEntryCleanupDuration", "PT12H"),
    ("3.1.3", "staleWorkerMetricsEntryCleanupDuration", "p1dt1.5s "),
    ("3.1.3", "workerMetricsTags", "a=b, c=d"),
    ("3.1.3", "regionName", "us-gov-west-1"),
    ("3.1.3", "kinesisEndpoint", "http://localhost:4566"),
    ("3.1.3", "kinesisClient.endpointOverride", "https://kinesis.example"),
    ("3.1.3", "kinesisClient.fipsEnabled", "true"),
    ("3.1.3", "workerId", '"a name"'),
    ("1.15.3", "cleanupLeasesUponShardCompletion", "false"),
    ("1.15.3", "metricsLevel", "none "),
    ("1.15.3", "timestampAtInitialPositionInStream", "1700000000"),
    ("1.15.3", "maxLeaseRenewalThreads", "3"),
    ("1.15.3", "kinesisEndpoint", "kinesis.us-east-1.amazonaws.com"),
]
FAULTY = [
    ("3.1.3", "failoverTimeMillis", "5_000", "not set, which leaves the default, 10000"),
    ("3.1.3", "failoverTimeMillis", "10.0", "not set"),
    ("3.1.3", "failoverTimeMillis", "", "not set"),
    ("3.1.3", "failoverTimeMillis", "-7", "as it is"),
    ("3.1.3", "maxRecords", "3000000000", "not set"),
    ("3.1.3", "maxRecords", "10001", "ends at its start"),
    ("3.1.3", "maxActiveThreads", "2 ", "ends at its start"),
    ("3.1.3", "gracefulLeaseHandoffTimeoutMillis", "abc", "read as 0"),
    ("3.1.3", "timeoutInSeconds", "", "halts at the first message"),
    ("3.1.3", "timeoutInSeconds", "abc", "halts at the first message"),
    ("3.1.3", "timeoutInSeconds", "0", "halts at the first message"),
    ("3.1.3", "maxThroughputPerHostKBps", "abc", "not set"),
    ("3.1.3", "isGracefulLeaseHandoffEnabled", "true ", "read as false"),
    ("3.1.3", "callProcessRecordsEvenForEmptyRecordList", "ja", "read as false"),
    ("3.1.3", "retrievalMode", "polling ", "ends at its start"),
    ("3.1.3", "metricsLevel", "", "ends at its start"),
    ("3.1.3", "initialPositionInStream", "AT_TIMESTAMP", "ends at its start"),
    ("3.1.3", "clientVersionConfig", "2X", "ends at its start"),
    ("3.1.3", "coordinatorStateBillingMode", "UNKNOWN_TO_SDK_VERSION", "ends at its start"),
    ("3.1.3", "initialPositionInStreamExtended", "2023-11-14", "ends at its start"),
    ("3.1.3", "initialPositionInStreamExtended", "1700000000000", "far future"),
    ("3.1.3", "staleWorkerMetricsEntryCleanupDuration", "1d", "ends at its start"),
    ("3.1.3", "staleWorkerMetricsEntryCleanupDuration", "PT", "ends at its start"),
    ("3.1.3", "staleWorkerMetricsEntryCleanupDuration", "-P1D", "ends at its start"),
    ("3.1.3", "shardPrioritization", "x", "ends at its start"),
    ("3.1.3", "regionName", "", "ends at its start"),
    ("3.1.3", "kinesisClient.region", "us-east-1 ", "ends at its start"),
    ("3.1.3", "kinesisEndpoint", "localhost:4566", "reaches nothing"),
    ("3.1.3", "kinesisClient.endpointOverride", "x", "the daemon ends"),
    ("3.1.3", "kinesisClient.defaultsMode", "STANDARD", "ends at its start"),
    ("3.1.3", "kinesisClient.httpClient", "x", "ends at its start"),
    ("2.7.2", "enablePriorityLeaseAssignment", "no ", "read as false"),
    ("1.15.3", "failoverTimeMillis", "5000 ", "KCL 1 ignores it, which leaves the default, 10000"),
    ("1.15.3", "failoverTimeMillis", "0", "KCL 1 ignores it"),
    ("1.15.3", "maxLeaseRenewalThreads", "2", "KCL 1 ignores it"),
    ("1.15.3", "timeoutInSeconds", "abc", "KCL 1 ignores it"),
    ("1.15.3", "timeoutInSeconds", "0", "halts at the first message"),
    ("1.15.3", "cleanupLeasesUponShardCompletion", "yes", "read as false"),
    ("1.15.3", "cleanupLeasesUponShardCompletion", "true ", "read as false"),
    ("1.15.3", "initialPositionInStream", "trim_horizon ", "KCL 1 ignores it, which leaves the default, LATEST"),
    ("1.15.3", "metricsLevel", "some", "KCL 1 ignores it"),
    ("1.15.3", "dataFetchingStrategy", "some", "KCL 1 ignores it"),
]
DOUBTFUL = [
    ("3.1.3", "failoverTimeMillis", "0", "not set, which leaves the default, 10000"),
    ("3.1.3", "cleanupLeasesUponShardCompletion", "false", "leaves the default, true"),
    ("3.1.3", "workerMetricsTags", "a=b,c", "'c' is no tag"),
    ("3.1.3", "regionName", "mars", "not a region that the AWS SDK knows"),
    ("3.1.3", "tableName", "", "set to nothing"),
]


def problem(version: str, name: str, value: str) -> values.Problem | None:
    table = keys.table(version)
    return values.problem_of(table.keys[name], value, table.line)


@pytest.mark.parametrize(("version", "name", "value"), SOUND)
def test_what_the_daemon_takes_as_it_is_meant_is_no_problem(version: str, name: str, value: str) -> None:
    """Spaces around a number of KCL 2 and 3, upper and lower case, and each form that Java knows of a type."""
    assert problem(version, name, value) is None


@pytest.mark.parametrize(("version", "name", "value", "effect"), FAULTY)
def test_a_fault_says_what_the_daemon_makes_of_the_value(version: str, name: str, value: str, effect: str) -> None:
    """The effect is what was seen on the classes, and there is always something to do."""
    found = problem(version, name, value)
    assert found is not None
    assert (found.severity, effect in found.effect, bool(found.remedy)) == (Severity.FAULT, True, True), found


@pytest.mark.parametrize(("version", "name", "value", "effect"), DOUBTFUL)
def test_what_works_but_is_probably_not_wanted_is_a_warning(version: str, name: str, value: str, effect: str) -> None:
    """The daemon starts, and does something else."""
    found = problem(version, name, value)
    assert found is not None
    assert (found.severity, effect in found.effect, bool(found.remedy)) == (Severity.WARNING, True, True), found


def test_a_time_in_the_future_is_a_warning() -> None:
    """Nothing is read before it."""
    found = problem("3.1.3", "initialPositionInStreamExtended", str(int(time.time()) + 3600))
    assert found is not None
    assert found.severity is Severity.WARNING


def test_the_remedy_of_milliseconds_is_the_value_in_seconds() -> None:
    """It can be written as it stands."""
    found = problem("3.1.3", "initialPositionInStreamExtended", "1700000000999")
    assert found is not None
    assert found.remedy == "write 1700000000"
