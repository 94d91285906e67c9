"""The state machine: every state by every event, and no sequence of events with an error that is not documented."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from kclpy.errors import EndOfStreamError, InvalidStateError, UnexpectedMessageError
from kclpy.messages import (
    Checkpoint,
    CheckpointReply,
    Initialize,
    LeaseLost,
    ProcessRecords,
    ShardEnded,
    Shutdown,
    ShutdownRequested,
    Status,
)
from kclpy.protocol import Protocol, State

ACTIONS = [ProcessRecords([]), ShutdownRequested(), LeaseLost(), ShardEnded(), Shutdown("TERMINATE")]
FROM_DAEMON = [Initialize("shardId-0"), *ACTIONS, CheckpointReply()]
NAMES = [type(message).__name__ for message in FROM_DAEMON]

# What the daemon may send in each state, by the names of the messages.
ALLOWED = {
    State.NEW: {"Initialize"},
    State.READY: {"ProcessRecords", "ShutdownRequested", "LeaseLost", "ShardEnded", "Shutdown"},
    State.WORKING: set(),
    State.CHECKPOINTING: {"CheckpointReply"},
    State.ENDED: set(),
}


def protocol_in(state, action=None):
    """A conversation that has come to `state`, working on `action` where that can be chosen."""
    protocol = Protocol()
    if state is State.NEW:
        return protocol
    protocol.receive(Initialize("shardId-0"))
    if action is not None or state is not State.WORKING:
        protocol.done()
    if action is not None:
        protocol.receive(action)
    elif state is State.CHECKPOINTING:
        protocol.receive(ProcessRecords([]))
        protocol.request(None, None)
    elif state is State.ENDED:
        protocol.receive(LeaseLost())
        protocol.done()
    assert protocol.state is state
    return protocol


@pytest.mark.parametrize("message", FROM_DAEMON, ids=NAMES)
@pytest.mark.parametrize("state", State)
def test_each_message_is_taken_where_the_table_allows_it_and_refused_elsewhere(state, message):
    """Every state by every message of the daemon's; a refusal names both and changes nothing."""
    protocol = protocol_in(state)
    if type(message).__name__ in ALLOWED[state]:
        protocol.receive(message)
        assert protocol.state is State.WORKING
        return
    with pytest.raises(UnexpectedMessageError) as caught:
        protocol.receive(message)
    assert (caught.value.action, caught.value.state) == (message.action, state.value)
    assert set(caught.value.expected) == {m.action for m in FROM_DAEMON if type(m).__name__ in ALLOWED[state]}
    assert protocol.state is state


@pytest.mark.parametrize("state", State)
def test_a_checkpoint_may_be_asked_for_only_in_the_middle_of_an_action(state):
    """Elsewhere nothing is sent: the daemon would not answer."""
    protocol = protocol_in(state)
    if state is State.WORKING:
        assert protocol.request("49", 3) == Checkpoint("49", 3)
        assert protocol.state is State.CHECKPOINTING
        return
    with pytest.raises(InvalidStateError, match=f"a checkpoint was asked for {state.value}"):
        protocol.request("49", 3)
    assert protocol.state is state


@pytest.mark.parametrize("state", [state for state in State if state is not State.WORKING])
def test_no_status_may_be_sent_out_of_turn(state):
    """Also while the reply to a checkpoint is awaited."""
    protocol = protocol_in(state)
    with pytest.raises(InvalidStateError, match=f"a status was to be sent {state.value}"):
        protocol.done()
    assert protocol.state is state


@pytest.mark.parametrize(
    ("action", "after"),
    [
        (ProcessRecords([]), State.READY),
        (ShutdownRequested(), State.READY),
        (LeaseLost(), State.ENDED),
        (ShardEnded(), State.ENDED),
        (Shutdown("ZOMBIE"), State.ENDED),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("checkpoints", [0, 1, 2])
def test_the_status_names_the_action_however_many_checkpoints_came_between(action, after, checkpoints):
    """And the lease goes on, or ends, with the action."""
    protocol = protocol_in(State.WORKING, action)
    for _ in range(checkpoints):
        protocol.request(None, None)
        protocol.receive(CheckpointReply())
    assert protocol.done() == Status(action.action)
    assert protocol.state is after


def test_the_status_of_initialize_names_initialize():
    """The first action is acknowledged like any other."""
    protocol = protocol_in(State.WORKING)
    assert protocol.done() == Status("initialize")
    assert protocol.state is State.READY


@pytest.mark.parametrize("state", State)
def test_the_stream_may_end_between_actions_and_nowhere_else(state):
    """An end in the middle of an action is an error that names the place."""
    protocol = protocol_in(state)
    if state in {State.NEW, State.READY, State.ENDED}:
        protocol.end_of_stream()
        return
    with pytest.raises(EndOfStreamError) as caught:
        protocol.end_of_stream()
    assert caught.value.where == state.value


class Conversation(RuleBasedStateMachine):
    """Both ends do anything at any time, against a model that counts turns."""

    def __init__(self):
        super().__init__()
        self.protocol = Protocol()
        self.turn = "daemon"
        self.started = self.ended = self.awaiting = False
        self.action = None

    @rule(message=st.sampled_from(FROM_DAEMON))
    def receive(self, message):
        if self.awaiting:
            allowed = isinstance(message, CheckpointReply)
        elif self.turn == "child" or self.ended:
            allowed = False
        elif self.started:
            allowed = message in ACTIONS
        else:
            allowed = isinstance(message, Initialize)
        if not allowed:
            with pytest.raises(UnexpectedMessageError):
                self.protocol.receive(message)
            return
        self.protocol.receive(message)
        if not self.awaiting:
            self.action = message
        self.awaiting = False
        self.started = True
        self.turn = "child"

    @rule(number=st.none() | st.text(), sub_number=st.none() | st.integers())
    def request(self, number, sub_number):
        if self.turn == "child" and not self.awaiting:
            assert self.protocol.request(number, sub_number) == Checkpoint(number, sub_number)
            self.awaiting = True
        else:
            with pytest.raises(InvalidStateError):
                self.protocol.request(number, sub_number)

    @rule()
    def done(self):
        if self.turn == "child" and not self.awaiting:
            assert self.protocol.done() == Status(self.action.action)
            self.turn = "daemon"
            self.ended = isinstance(self.action, (LeaseLost, ShardEnded, Shutdown))
        else:
            with pytest.raises(InvalidStateError):
                self.protocol.done()

    @rule()
    def end_of_stream(self):
        if self.turn == "child":
            with pytest.raises(EndOfStreamError):
                self.protocol.end_of_stream()
        else:
            self.protocol.end_of_stream()

    @invariant()
    def the_state_is_the_models(self):
        if self.awaiting:
            expected = State.CHECKPOINTING
        elif self.turn == "child":
            expected = State.WORKING
        elif self.ended:
            expected = State.ENDED
        else:
            expected = State.READY if self.started else State.NEW
        assert self.protocol.state is expected


TestConversation = Conversation.TestCase
TestConversation.settings = settings(deadline=None, database=None, max_examples=60, stateful_step_count=40)
