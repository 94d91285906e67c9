"""The process: real pipes, real signals, real noise."""

import io
import os
import signal
import time

import pytest
from kclpy.codec import encode
from kclpy.errors import EndOfStreamError, LineTooLongError
from kclpy.messages import Checkpoint, LeaseLost, ProcessRecords, Record, ShardEnded, Status
from kclpy.runner import MAX_LINE_BYTES, Pipe

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX's signals, forks and terminals")

PROCESSOR = """
import ctypes, os, signal, subprocess, sys, threading, time
import kclpy

WRITE_TO_ALL = '''
import os
for number in range(1, 64):
    try:
        os.write(number, b"null")
    except OSError:
        pass
'''

class Processor(kclpy.RecordProcessor):
    def initialize(self, initialize_input):
        pass
    def process_records(self, batch):
        {process}
        batch.checkpointer.checkpoint()

{before}
kclpy.run(Processor, on_error=kclpy.Stop(attempts=1){options})
"""

LIFE = [Status("initialize"), Checkpoint(), Status("processRecords"), Status("leaseLost")]


def program(process="pass", before="", options=""):
    """A program whose processor does this with a batch, and checkpoints."""
    return PROCESSOR.format(process=process.replace("\n", "\n        "), before=before, options=options)


@pytest.fixture
def life(initialize, batch, succeeded):
    """The daemon's side of a short life, with one batch."""
    return [initialize, batch(1), succeeded, LeaseLost()]


def wait_until(condition):
    """Wait for a condition; pytest's timeout ends what never comes."""
    while not condition():
        time.sleep(0.005)


NOISE = {
    "print": "print('null')",
    "print to the original stdout": "print('null', file=sys.__stdout__, flush=True)",
    "the file descriptor": "os.write(1, b'null\\n')",
    "the file's number": "os.write(sys.stdout.fileno(), b'null\\n')",
    "the shape of a checkpoint": """print('{"action":"checkpoint","sequenceNumber":null,"subSequenceNumber":null}')""",
    "half a line": "sys.stdout.write('null')",
    "a subprocess": "subprocess.run([sys.executable, '-S', '-c', 'print(\"null\")'], check=True)",
    "a subprocess that inherits": (
        "subprocess.run([sys.executable, '-S', '-c', 'print(\"null\")'], check=True, close_fds=False)"
    ),
    "a subprocess that tries every descriptor": (
        "subprocess.run([sys.executable, '-S', '-c', WRITE_TO_ALL], check=True, close_fds=False)"
    ),
    "a subprocess that reads stdin": (
        "assert subprocess.run([sys.executable, '-S', '-c', 'import sys; print(len(sys.stdin.read()))'],"
        " stdout=subprocess.PIPE).stdout.strip() == b'0'"
    ),
    "input": "try: input()\nexcept EOFError: print('null')",
    "reading stdin": "assert sys.stdin.read() == ''",
    "reading the file descriptor": "assert os.read(0, 100) == b''",
    "closing stdin and stdout": "sys.stdin.close(); sys.__stdout__.close()",
}

POSIX_NOISE = {
    "C": "c = ctypes.CDLL(None); c.puts(b'null'); c.fflush(None)",
    "system": "os.system('echo null; cat')",
    "a forked process": (
        "pid = os.fork()\nif not pid:\n    print('null', flush=True)\n    os._exit(0)\nassert os.waitpid(pid, 0)[1] == 0"
    ),
    "a forked process that tries every descriptor": (
        "pid = os.fork()\nif not pid:\n    exec(WRITE_TO_ALL)\n    os._exit(0)\nassert os.waitpid(pid, 0)[1] == 0"
    ),
    "a forked process that ends as Python does": (
        "pid = os.fork()\nif not pid:\n    print('null')\n    sys.exit(0)\nassert os.waitpid(pid, 0)[1] == 0"
    ),
}


def assert_lives(child, life, succeeded):
    """The conversation goes on in turn, with nothing but the protocol on the pipe, though the daemon's end stays open."""
    child.send(life[0])
    assert child.answer() == LIFE[0]
    child.send(life[1])
    assert child.answer() == LIFE[1], child.stderr
    child.send(succeeded)
    assert child.answer() == LIFE[2]
    child.send(life[3])
    assert child.answer() == LIFE[3]
    finished = child.finish()
    assert (finished.stdout, finished.exit_code) == (b"", 0), finished.stderr


def assert_quiet(finished):
    """Nothing but the protocol is on the pipe."""
    assert (finished.sent, finished.exit_code) == (LIFE, 0), finished.stderr


@pytest.mark.timeout(60)
@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_noise_of_every_kind_stays_off_the_pipe(start_child, life, succeeded, noise):
    """The conversation goes on as if nothing had been said, or asked."""
    assert_lives(start_child(program(noise)), life, succeeded)


@posix
@pytest.mark.timeout(60)
@pytest.mark.parametrize("noise", POSIX_NOISE.values(), ids=POSIX_NOISE)
def test_noise_of_the_kinds_that_posix_has_stays_off_the_pipe(start_child, life, succeeded, noise):
    """C libraries, shells and forks."""
    assert_lives(start_child(program(noise)), life, succeeded)


def test_what_is_printed_reaches_stderr(run_child, life):
    """At once, whether it was printed before the pipe was taken or after, by Python or by C."""
    finished = run_child(
        program(
            "print('after')\nos.write(1, b'descriptor\\n')",
            before="sys.stdout.reconfigure(line_buffering=False)\nprint('before')",
        ),
        *life,
        environment={"PYTHONUNBUFFERED": ""},
    )
    assert_quiet(finished)
    assert finished.stderr == "before\nafter\ndescriptor\n"


@posix
def test_a_grandchild_that_outlives_the_child_does_not_hold_the_pipe(start_child, life):
    """The daemon reads to the end of stdout, for ever if need be; the grandchild writes after it."""
    child = start_child(
        program(
            "subprocess.Popen([sys.executable, '-S', '-c', 'import sys; sys.stdin.read(); print(\"late\")'],"
            " stdin=subprocess.PIPE)"
        )
    )
    for message in life:
        child.send(message)
    child.process.stdin.close()
    rest = child.process.stdout.read()
    assert rest.count(b"\n") == len(LIFE)
    assert child.process.wait() == 0
    wait_until(lambda: child.stderr.endswith("late\n"))


def test_a_program_without_stdout_runs(run_child, life):
    """As under pythonw."""
    assert_quiet(run_child(program(before="sys.stdout = None"), *life))


def test_a_platform_without_fork_runs(run_child, life):
    """As Windows."""
    assert_quiet(run_child(program(before="vars(os).pop('register_at_fork', None)"), *life))


def test_the_pipe_is_utf8_whatever_the_locale(start_child, initialize, succeeded):
    """In both directions, where Python itself would speak ASCII."""
    child = start_child(
        program(
            "assert batch.records[0].partition_key == 'k\\xe9y-\\u65e5\\u672c'\n"
            "batch.checkpointer.checkpoint('\\xe9')\n"
            "print(batch.records[0].partition_key)"
        ),
        environment={
            "LC_ALL": "C",
            "PYTHONIOENCODING": "ascii:backslashreplace",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
        },
    )
    child.send(initialize)
    assert child.answer() == Status("initialize")
    child.send(ProcessRecords([Record("1", "k\u00e9y-\u65e5\u672c", None)]))
    assert child.process.stdout.readline() == (
        '{"action":"checkpoint","sequenceNumber":"\u00e9","subSequenceNumber":null}\n'.encode()
    )
    child.send(succeeded)
    assert child.answer() == Checkpoint()
    child.send(succeeded)
    assert child.answer() == Status("processRecords")
    assert child.finish().exit_code == 0


def test_line_ends_of_windows_are_understood(run_child, life):
    """And blank lines between the messages."""
    lines = [encode(message).replace(b"\n", b"\r\n\r\n\n") for message in life]
    assert_quiet(run_child(program(), *lines))


def test_a_function_is_checkpointed_after_each_batch(run_child, initialize, batch, succeeded):
    """The ten-line program."""
    finished = run_child("import kclpy\nkclpy.run(lambda records: None)", initialize, batch(1), succeeded)
    assert finished.sent == [Status("initialize"), Checkpoint(), Status("processRecords")]


def test_a_checkpoint_policy_is_passed_on(run_child, initialize, batch, succeeded):
    """`run(..., checkpoint=...)`."""
    finished = run_child(
        "import kclpy\nkclpy.run(lambda records: None, checkpoint=kclpy.CheckpointEvery(records=2))",
        initialize,
        batch(1),
        batch(2),
        succeeded,
    )
    assert finished.sent == [Status("initialize"), Status("processRecords"), Checkpoint(), Status("processRecords")]


def test_async_processors_run_and_close_their_loop(run_child, initialize, batch):
    """Without a warning at the end."""
    finished = run_child(
        "import kclpy\nclass P(kclpy.RecordProcessor):\n    async def process_records(self, batch): pass\nkclpy.run(P)",
        initialize,
        batch(1),
        environment={"PYTHONWARNINGS": "error"},
    )
    assert (finished.sent[-1], finished.stderr, finished.exit_code) == (Status("processRecords"), "", 0)


# --- how it ends


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_the_end_of_the_stream_between_two_actions_is_a_normal_end(run_child, life, count):
    """Before the first message, between actions, and after the lease; `count` messages have come."""
    finished = run_child(program(), *life[:count])
    assert (finished.sent, finished.stderr, finished.exit_code) == (LIFE[:count], "", 0)


def test_the_end_of_the_stream_in_a_checkpoint_breaks_the_protocol(run_child, life):
    """The processor was promised an answer."""
    finished = run_child(program(), *life[:2])
    assert finished.sent == LIFE[:2]
    assert (finished.stderr, finished.exit_code) == (
        "kclpy: the daemon closed the pipe in the middle of a checkpoint\n",
        3,
    )


BROKEN = {
    "a truncated line": (b'{"action":"leaseL', "malformed message from the daemon: no JSON: "),
    "a line that ends the stream": (b"nonsense", "malformed message from the daemon: no JSON: "),
    "no UTF-8": (b'{"action":"\xff"}\n', "no UTF-8 at byte 11"),
    "no object": (b"[]\n", "a list where an object belongs"),
    "a missing field": (b'{"action":"processRecords"}\n', "at records: missing"),
    "a wrong type": (b'{"action":"processRecords","records":[7]}\n', "at records[0]: an integer where an object"),
    "an unknown action": (b'{"action":"explode"}\n', "at action: unknown action 'explode'"),
    "a message out of turn": (b'{"action":"initialize","shardId":"s"}\n', "unexpected message 'initialize'"),
    "a reply to nothing": (b'{"action":"checkpoint"}\n', "unexpected message 'checkpoint'"),
    "a line too long": (b" " * 10_001 + b"\n", "longer than 10,000 bytes; max_line_bytes raises the limit"),
    "a line too long without an end": (b" " * 20_000, "longer than 10,000 bytes; max_line_bytes raises the limit"),
}


@pytest.mark.parametrize(("line", "text"), BROKEN.values(), ids=BROKEN)
def test_a_daemon_that_breaks_the_protocol_is_told_apart(run_child, initialize, line, text):
    """Exit code 3, one line that names the place, and no answer."""
    finished = run_child(program(options=", max_line_bytes=10_000"), initialize, line)
    assert (finished.sent, finished.exit_code) == ([Status("initialize")], 3)
    assert finished.stderr.startswith("kclpy: ")
    assert text in finished.stderr
    assert finished.stderr.count("\n") == 1


def test_a_processor_that_fails_is_not_acknowledged(run_child, initialize, batch):
    """Exit code 1, its traceback, and what that means."""
    finished = run_child(program("raise LookupError('db down')"), initialize, batch(1))
    assert (finished.sent, finished.exit_code) == ([Status("initialize")], 1)
    assert "Traceback" in finished.stderr
    assert "LookupError: db down" in finished.stderr
    assert finished.stderr.endswith(
        "kclpy: the record processor failed at process_records once; the daemon was not told it succeeded\n"
    )


def test_a_thread_that_is_left_behind_does_not_keep_a_failed_program_alive(run_child, initialize, batch):
    """The daemon waits for the end of a process for ever, so the program's own threads get a grace, and no more."""
    stuck = (
        "import threading, kclpy.runner\n"
        "kclpy.runner.EXIT_GRACE_SECONDS = 0.1\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
    )
    finished = run_child(stuck + program("raise LookupError('db down')"), initialize, batch(1))
    assert (finished.sent, finished.exit_code) == ([Status("initialize")], 1)
    assert "LookupError: db down" in finished.stderr


def test_a_shard_that_ends_without_a_checkpoint_exits(run_child, initialize):
    """Loudly: its children would not be processed."""
    finished = run_child(
        "import kclpy\nclass P(kclpy.RecordProcessor):\n"
        "    def process_records(self, batch): pass\n    def shard_ended(self, given): pass\nkclpy.run(P)",
        initialize,
        ShardEnded(),
    )
    assert (finished.sent, finished.exit_code) == ([Status("initialize")], 1)
    assert "call checkpointer.checkpoint() there" in finished.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kclpy.run(7)", "7 is no record processor: "),
        (
            "class P(kclpy.RecordProcessor): pass\nkclpy.run(P)",
            "__main__.P is no record processor: the method process_",
        ),
        ("kclpy.run(print, on_error=kclpy.Stop(attempts=0))", ""),
    ],
    ids=["no processor", "a missing method", "a policy"],
)
def test_a_wrong_set_up_is_found_before_the_first_message(run_child, initialize, text, message):
    """Exit code 2 from `run`, with nothing answered; a policy that makes no sense raises where it is made."""
    finished = run_child(f"import kclpy\n{text}\n", initialize)
    assert finished.stdout == b""
    if message:
        assert (finished.exit_code, finished.stderr.count("\n")) == (2, 1)
        assert finished.stderr.startswith(f"kclpy: {message}")
    else:
        assert "SetupError: a backoff takes attempts >= 1" in finished.stderr


@pytest.mark.parametrize(
    ("value", "exit_code", "text"),
    [
        ("skip", 0, "skipped process_records 1 records"),
        ("stop", 1, "failed at process_records 5 times"),
        ("x", 2, "KCLPY_ON_ERROR is 'stop'"),
    ],
)
def test_the_environment_chooses_the_policy(start_child, value, exit_code, text):
    """Where the program does not, and a wrong value is a wrong set-up."""
    child = start_child(
        # The waits of the default are cut to nothing, which a program cannot do from outside.
        "import kclpy, kclpy.failure\nkclpy.failure.Backoff.delays = lambda self: iter([0.0] * (self.attempts - 1))\n"
        "class P(kclpy.RecordProcessor):\n    def process_records(self, batch): raise ValueError\nkclpy.run(P)",
        environment={"KCLPY_ON_ERROR": value},
    )
    finished = child.finish(b"" if exit_code == 2 else INITIALIZE_AND_BATCH)
    assert finished.exit_code == exit_code
    assert text in finished.stderr


INITIALIZE_AND_BATCH = (
    b'{"action":"initialize","shardId":"s"}\n'
    b'{"action":"processRecords","records":[{"sequenceNumber":"1","partitionKey":"k","data":""}]}\n'
)


def test_a_policy_in_the_program_wins_over_the_environment(run_child, initialize, batch):
    """The program knows better."""
    finished = run_child(program("raise ValueError"), initialize, batch(1), environment={"KCLPY_ON_ERROR": "skip"})
    assert finished.exit_code == 1


def test_a_programs_own_exit_code_is_kept(run_child, initialize, batch):
    """`sys.exit` in a processor."""
    finished = run_child(program("sys.exit(42)"), initialize, batch(1))
    assert (finished.sent, finished.exit_code) == ([Status("initialize")], 42)


@posix
def test_a_daemon_that_is_gone_before_the_answer_is_a_broken_protocol(start_child, initialize):
    """Exit code 3 and one line, not a traceback about a broken pipe."""
    child = start_child(program())
    child.process.stdout.close()
    child.send(initialize)
    assert child.process.wait() == 3
    assert child.stderr.startswith("kclpy: the daemon closed the pipe before it had taken an answer (")
    assert child.stderr.count("\n") == 1


def test_an_endless_line_is_refused_without_being_read(start_child, initialize):
    """What is taken from the pipe is bounded by `max_line_bytes`, not by the sender."""
    child = start_child(program(options=", max_line_bytes=200_000"))
    child.send(initialize)
    written = 0
    with pytest.raises(OSError, match=r"."):  # noqa: PT012 - one of the writes fails
        while True:
            written += os.write(child.process.stdin.fileno(), b" " * 65536)
            assert written < 10_000_000
    assert child.process.wait() == 3
    assert "longer than 200,000 bytes" in child.stderr
    assert written < 200_000 * 2 + 1_000_000


@posix
def test_on_a_terminal_it_says_what_it_is(start_child):
    """One line on stderr that names the way to run it, and exit code 2."""
    controller, terminal = os.openpty()
    try:
        child = start_child(program(), stdin=terminal)
        assert child.process.wait() == 2
    finally:
        os.close(terminal)
        os.close(controller)
    assert child.process.stdout.read() == b""
    assert child.stderr.startswith("kclpy: program.py is a record processor, which the KCL's MultiLangDaemon starts")
    assert "kclpy-helper run FILE" in child.stderr
    assert child.stderr.count("\n") == 1


@posix
@pytest.mark.parametrize("number", [0, 1])
def test_without_stdin_or_stdout_it_does_not_start(start_child, number):
    """Exit code 2, and the name of what is closed."""
    child = start_child(program(), preexec_fn=lambda: os.close(number), stdin=None)
    assert child.process.wait() == 2
    assert child.stderr.startswith(f"kclpy: {('stdin', 'stdout')[number]} is closed")


# --- signals


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_to_the_process_group_does_not_end_it_and_the_end_of_the_stream_does(
    start_child, life, succeeded, number
):
    """While it waits for a message, and in the middle of an action."""
    child = start_child(
        program("print('working', flush=True)\ntime.sleep(0.2)\nprint('worked', flush=True)"), start_new_session=True
    )
    child.send(life[0])
    assert child.answer() == Status("initialize")
    os.killpg(child.process.pid, number)
    child.send(life[1])
    wait_until(lambda: "working" in child.stderr)
    os.killpg(child.process.pid, number)
    assert child.answer() == Checkpoint()
    os.killpg(child.process.pid, number)
    child.send(succeeded)
    assert child.answer() == Status("processRecords")
    child.send(LeaseLost())
    assert child.answer() == Status("leaseLost")
    finished = child.finish()
    assert (finished.stderr, finished.exit_code) == ("working\nworked\n", 0)


@posix
def test_a_stuck_child_dies_by_sigkill(start_child, initialize, batch):
    """Nothing holds that up."""
    child = start_child(program("print('stuck', flush=True)\nwhile True: time.sleep(60)"))
    child.send(initialize)
    child.send(batch(1))
    wait_until(lambda: "stuck" in child.stderr)
    child.process.send_signal(signal.SIGTERM)
    child.process.kill()
    assert child.process.wait() == -signal.SIGKILL


@posix
@pytest.mark.parametrize("more", ["", ", preexec_fn=lambda: None"], ids=["spawned", "forked"])
@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT"])
def test_a_subprocess_of_the_processors_can_still_be_ended(start_child, initialize, batch, succeeded, more, end):
    """It does not inherit that the child takes no notice of signals."""
    child = start_child(
        program(
            "waiting = 'import sys; print(\"up\", flush=True); sys.stdin.read()'\n"
            f"p = subprocess.Popen([sys.executable, '-S', '-c', waiting], stdin=subprocess.PIPE{more})\n"
            "print(p.pid, flush=True)\n"
            "print(p.wait() in (-signal.SIGTERM, -signal.SIGINT, 130, 1), flush=True)"
        )
    )
    child.send(initialize)
    child.send(batch(1))
    wait_until(lambda: "up" in child.stderr)
    process = int(next(line for line in child.stderr.splitlines() if line.isdigit()))
    os.kill(process, getattr(signal, end))
    assert [child.answer(), child.answer()] == [Status("initialize"), Checkpoint()]
    child.send(succeeded)
    assert child.answer() == Status("processRecords")
    assert child.finish().exit_code == 0
    assert "True" in child.stderr


@posix
@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT"])
def test_a_forked_worker_of_the_processors_can_still_be_ended(run_child, life, end):
    """As multiprocessing's `terminate` does."""
    finished = run_child(
        program(
            "ready, go = os.pipe()\n"
            "pid = os.fork()\n"
            "if not pid:\n"
            "    try:\n"
            "        os.write(go, b'.')\n"
            "        time.sleep(30)\n"
            "    except KeyboardInterrupt:\n"
            "        os._exit(130)\n"
            "os.read(ready, 1)\n"
            f"os.kill(pid, signal.{end})\n"
            "status = os.waitpid(pid, 0)[1]\n"
            "print(os.waitstatus_to_exitcode(status))"
        ),
        *life,
    )
    assert_quiet(finished)
    assert finished.stderr == ("-15\n" if end == "SIGTERM" else "130\n")


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_programs_own_handler_is_respected(start_child, initialize, name):
    """It is called, and may end the program."""
    child = start_child(
        program(before=f"signal.signal(signal.{name}, lambda *_: os._exit(77))"), start_new_session=True
    )
    child.send(initialize)
    assert child.answer() == Status("initialize")
    os.killpg(child.process.pid, getattr(signal, name))
    assert child.process.wait() == 77


@posix
def test_signals_that_were_ignored_stay_ignored(run_child, life):
    """As nohup and background jobs have it; subprocesses inherit that."""
    finished = run_child(
        program(
            "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)",
            before="signal.signal(signal.SIGINT, signal.SIG_IGN)",
        ),
        *life,
    )
    assert_quiet(finished)
    assert finished.stderr == "True\n"


def test_it_runs_in_a_thread_as_well(run_child, life):
    """Signals are then the main thread's business."""
    text = program("print(threading.current_thread() is threading.main_thread())")
    text = text.replace("kclpy.run(", "thread = threading.Thread(target=lambda: kclpy.run(", 1)
    text = text.rstrip().removesuffix(")") + "))\nthread.start()\nthread.join()\n"
    finished = run_child(text, *life)
    assert_quiet(finished)
    assert finished.stderr == "False\n"


# --- the pipe by itself


class Chunks(io.RawIOBase):
    """A stream that gives one chunk a read."""

    def __init__(self, *chunks):
        self.chunks = list(chunks)

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self.chunks:
            return 0
        chunk = self.chunks.pop(0)
        taken = chunk[: len(buffer)]
        buffer[: len(taken)] = taken
        if len(taken) < len(chunk):
            self.chunks.insert(0, chunk[len(taken) :])
        return len(taken)


def read_all(pipe):
    """Every line up to the end."""
    return [bytes(line) for line in iter(pipe.read_line, b"")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000, 65535, 65536, 65537, 300_000])
def test_lines_are_the_same_however_they_arrive(size):
    """Split anywhere, several at a time, of every length around the buffer's, the last one without its end."""
    lengths = (0, 1, 5, 65534, 65535, 65536, 65537, 200_000, 3) if size > 100 else (0, 1, 5, 70, 3)
    lines = [bytes([97 + n]) * length + b"\n" for n, length in enumerate(lengths)] + [b"the end"]
    content = b"".join(lines)
    pipe = Pipe(Chunks(*(content[i : i + size] for i in range(0, len(content), size))), io.BytesIO())
    assert read_all(pipe) == lines
    assert pipe.read_line() == b""


def test_lines_of_many_megabytes_leave_no_trace_in_the_next():
    """A buffer that has grown is not read from beyond its end."""
    lines = [b"a" * 20_000_000 + b"\n", b"b\n", b"c" * 3_000_000 + b"\n", b"d\n"]
    assert read_all(Pipe(Chunks(b"".join(lines)), io.BytesIO())) == lines


@pytest.mark.parametrize("chunk", [1, 100, 65536])
def test_the_longest_line_is_read_and_a_longer_one_refused(chunk):
    """The limit counts the line without its end; after it nothing is read."""

    def pipe(content):
        return Pipe(Chunks(*(content[i : i + chunk] for i in range(0, len(content), chunk))), io.BytesIO(), 1000)

    longest = [b"x" * 1000 + b"\n", b"y" * 1000 + b"\n", b"z" * 1000]
    assert read_all(pipe(b"".join(longest))) == longest
    for content in (b"x" * 1001 + b"\n", b"x" * 1001, b"x" * 100_000):
        with pytest.raises(LineTooLongError) as caught:
            pipe(content).read_line()
        assert caught.value.limit == 1000


def test_the_default_limit_holds_the_largest_batch_of_kinesis():
    """10 MiB in base64, and the KPL's de-aggregated records with their fields."""
    assert MAX_LINE_BYTES >= 10 * 1024 * 1024 * 4 // 3 + 500_000 * 200


class Stingy(io.RawIOBase):
    """A stream that takes three bytes a write."""

    def __init__(self):
        self.taken = b""

    def writable(self):
        return True

    def write(self, data):
        self.taken += bytes(data[:3])
        return len(data[:3])


def test_a_line_is_written_whole():
    """Whatever the pipe takes at a time."""
    writer = Stingy()
    Pipe(Chunks(), writer).write_line(b'{"action":"status"}\n')
    assert writer.taken == b'{"action":"status"}\n'


@posix
def test_a_pipe_that_nobody_reads_is_the_end_of_the_stream():
    """With the reason of the operating system."""
    reader, writer = os.pipe()
    os.close(reader)
    with (
        os.fdopen(writer, "wb", buffering=0) as file,
        pytest.raises(EndOfStreamError, match="before it had taken an answer"),
    ):
        Pipe(Chunks(), file).write_line(b"x\n")


def test_a_program_that_starts_while_the_daemon_stops_processes_nothing(run_child, initialize, batch, tmp_path):
    """It answers to the end of the lease, says why on stderr, and ends well."""
    (tmp_path / "stopping").touch()
    messages = [initialize, batch(1), LeaseLost()]
    finished = run_child(
        program("print('processed')"), *messages, environment={"KCLPY_STOPPING": str(tmp_path / "stopping")}
    )
    assert (finished.sent, finished.exit_code) == ([Status(message.action) for message in messages], 0)
    assert "INFO [shardId-000000000000] kclpy: the daemon is being stopped" in finished.stderr
    assert "processed\n" not in finished.stderr
