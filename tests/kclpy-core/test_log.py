"""Logging: one line a record with the shard's id on stderr, unless the program has its own way, and free while idle."""

import re

import pytest

PROCESSOR = """
import kclpy
class Processor(kclpy.RecordProcessor):
    def initialize(self, initialize_input):
        {initialize}
    def process_records(self, batch):
        {process}
"""

RUN = "kclpy.run(Processor, on_error=kclpy.Stop(attempts=2, base=0))\n"

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"


def program(process="pass", initialize="pass", before=""):
    """A program that has `before` at its top, and these two methods."""
    return before + PROCESSOR.format(initialize=initialize, process=process) + RUN


def test_a_record_is_one_line_with_the_shards_id(run_child, initialize, batch):
    """Whatever line ends are in it, and with its traceback."""
    finished = run_child(
        program(
            process="try: 1/0\n        except ZeroDivisionError: logging.getLogger('app').exception('b')",
            initialize=r"logging.getLogger('app').info('one\r\ntwo %d', 3)",
            before="import logging\n",
        ),
        initialize,
        batch(1),
    )
    first, second = finished.stderr.splitlines()
    assert re.fullmatch(TIME + r" INFO \[shardId-000000000000\] app: one\\r\\ntwo 3", first)
    assert re.fullmatch(TIME + r" ERROR \[shardId-000000000000\] app: b\\nTraceback .*ZeroDivisionError.*", second)
    assert finished.exit_code == 0


def test_before_the_first_message_there_is_no_shard(run_child):
    """A constructor's record says so."""
    finished = run_child(
        "import logging, kclpy\nlogging.getLogger()\n"
        "def make():\n    logging.getLogger('app').warning('early')\n    return lambda records: None\n"
        "kclpy.run(make)\n"
    )
    assert re.fullmatch(TIME + r" WARNING \[no shard yet\] app: early\n", finished.stderr)


def test_logging_that_is_imported_later_is_set_up_after_that_action(run_child, initialize, batch):
    """A client library that is loaded with the first batch, say."""
    finished = run_child(
        program(process="import logging; logging.getLogger('app').info(batch.records[0].sequence_number)"),
        initialize,
        batch(1),
        batch(2),
        batch(3),
    )
    assert re.fullmatch(
        TIME + r" INFO \[shardId-000000000000\] app: 2\n" + TIME + r" INFO \[\S+\] app: 3\n", finished.stderr
    )


def test_kclpys_own_records_are_seen_in_a_program_without_logging(run_child, initialize, batch):
    """A retry is no secret."""
    finished = run_child(program(process="raise ValueError('db down')"), initialize, batch(1))
    retry, end = finished.stderr.splitlines()
    assert re.match(
        TIME + r" WARNING \[shardId-000000000000\] kclpy: process_records failed; again in 0.0 s: "
        r"ValueError\('db down'\)\\nTraceback .*ValueError: db down",
        retry,
    )
    assert re.match(
        TIME + r" ERROR \[shardId-000000000000\] kclpy: the record processor failed at process_records 2 times; "
        r"the daemon was not told it succeeded\\nTraceback .*ValueError: db down",
        end,
    )
    assert finished.exit_code == 1


LOGGED = "OWN ERROR kclpy the record processor failed at process_records once; the daemon was not told it succeeded\n"
SAID = "kclpy: the record processor failed at process_records once; the daemon was not told it succeeded\n"
OWN = "format='OWN %(levelname)s %(name)s %(message)s'"
LOGGING = {
    "none": ("", SAID),
    "on stderr": (f"logging.basicConfig({OWN})", LOGGED),
    "on stdout": (f"logging.basicConfig({OWN}, stream=sys.stdout)", LOGGED),
    "none of kclpy's": (f"logging.basicConfig({OWN})\nlogging.getLogger('kclpy').propagate = False", None),
    "in a file": (f"logging.basicConfig({OWN}, filename='log')", SAID),
    "in memory": (f"logging.basicConfig({OWN}, stream=io.StringIO())", SAID),
    "by a handler without a stream": ("logging.getLogger().addHandler(logging.NullHandler())", SAID),
    "on stderr, from CRITICAL": ("logging.basicConfig()\nlogging.getLogger().handlers[0].setLevel('CRITICAL')", SAID),
    "from CRITICAL": ("logging.basicConfig(level='CRITICAL')", SAID),
}


@pytest.mark.parametrize(("setup", "text"), LOGGING.values(), ids=LOGGING)
def test_what_ends_a_program_is_on_stderr_once(run_child, initialize, batch, setup, text):
    """By the program's logging if that writes there, with its traceback; otherwise as without logging."""
    finished = run_child(
        f"import io, {'logging, ' if setup else ''}sys\n{setup}\n"
        + PROCESSOR.format(initialize="pass", process="raise LookupError('db down')")
        + "kclpy.run(Processor, on_error=kclpy.Stop(attempts=1))\n",
        initialize,
        batch(1),
    )
    assert finished.exit_code == 1
    assert finished.stderr.count("Traceback") == 1
    assert finished.stderr.count("LookupError: db down") == 1
    assert finished.stderr.count("the record processor failed") == 1
    if text:
        assert text in finished.stderr


def test_what_ends_a_program_reaches_its_log_file(run_child, tmp_path, initialize, batch):
    """With its traceback, at ERROR, though it is on stderr as well; a broken protocol too."""
    log = "import logging\nlogging.basicConfig(filename='log', format='%(levelname)s %(name)s %(message)s')\n"
    text = log + PROCESSOR.format(initialize="pass", process="raise LookupError('db down')") + RUN
    run_child(text, initialize, batch(1))
    written = (tmp_path / "log").read_text("utf-8")
    assert written.count("WARNING kclpy process_records failed; again in") == 1
    assert written.count("ERROR kclpy the record processor failed at process_records 2 times") == 1
    assert written.count("Traceback") == written.count("\nLookupError: db down") == 2
    finished = run_child(text, initialize, b"null\n")
    written = (tmp_path / "log").read_text("utf-8")
    assert written.count("ERROR kclpy malformed message from the daemon: null where an object belongs") == 1
    assert finished.stderr.startswith("kclpy: malformed message from the daemon")
    assert finished.stderr.count("\n") == 1


TRACKED = """
import sentry_sdk
import sentry_sdk.transport

class Events(sentry_sdk.transport.Transport):
    def capture_envelope(self, envelope):
        event = envelope.get_event()
        if event is not None:
            errors = [error["type"] + ": " + error["value"] for error in event["exception"]["values"]]
            with open("events", "a") as file:
                print(event["level"], event["logger"], *errors, sep=" | ", file=file)

sentry_sdk.init(dsn="http://key@localhost/1", transport=Events)
"""
"""What sentry-sdk would send is a line of the file `events`."""


PROGRAMS = {
    "kclpy.run": PROCESSOR + RUN,
    "amazon_kclpy": "from amazon_kclpy import kcl" + PROCESSOR + "kcl.KCLProcess(Processor()).run()\n",
    "amazon_kclpy, with a hook": "from amazon_kclpy import kcl"
    + PROCESSOR
    + "class Process(kcl.KCLProcess):\n"
    + "    def _report_done(self, response_for=None): super()._report_done(response_for)\n"
    + "Process(Processor()).run()\n",
}


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_an_error_tracker_has_one_event_for_what_ends_a_program(run_child, tmp_path, initialize, batch, text):
    """With the processor's own exception; retries are none."""
    quick = "import kclpy.failure\nkclpy.failure.Backoff.delays = lambda self: iter([0.0] * (self.attempts - 1))\n"
    finished = run_child(
        TRACKED + quick + text.format(initialize="pass", process="raise LookupError('db down')"),
        initialize,
        batch(1),
        environment={"KCLPY_ON_ERROR": "stop"},
    )
    assert finished.exit_code == 1
    assert (tmp_path / "events").read_text("utf-8").splitlines() == ["error | kclpy | LookupError: db down"]


def test_a_programs_own_handlers_are_left_alone(run_child, initialize):
    """Its format and its level."""
    finished = run_child(
        program(
            initialize="logging.info('quiet'); logging.warning('loud')",
            before="import logging\nlogging.basicConfig(format='OWN %(message)s')\n",
        ),
        initialize,
    )
    assert finished.stderr == "OWN loud\n"


@pytest.mark.parametrize(("level", "seen"), [("ERROR", "e"), ("DEBUG", "die"), ("WARNING", "ie")])
def test_a_programs_own_level_is_kept(run_child, initialize, level, seen):
    """Only the default one becomes INFO."""
    finished = run_child(
        program(
            initialize="log.debug('d'); log.info('i'); log.error('e')",
            before=f"import logging\nlog = logging.getLogger('app')\nlogging.getLogger().setLevel('{level}')\n",
        ),
        initialize,
    )
    assert [line[-1] for line in finished.stderr.splitlines()] == list(seen)


def test_a_library_use_of_kclpy_sets_up_no_logging(run_child):
    """Only the runner does: a test that drives a processor keeps its own logging."""
    finished = run_child(
        "import logging\nfrom kclpy.log import logger, set_shard_id\n"
        "set_shard_id('s')\nlogger().warning('x')\nassert not logging.getLogger().handlers\n"
    )
    assert (finished.stderr, finished.exit_code) == ("x\n", 0)
