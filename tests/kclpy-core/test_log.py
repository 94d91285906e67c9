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
    assert re.match(
        TIME + r" WARNING \[shardId-000000000000\] kclpy: process_records failed; again in 0.0 s: "
        r"ValueError\('db down'\)\nTraceback",
        finished.stderr,
    )
    assert finished.exit_code == 1


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
