"""Events come whole, however their text is cut and whatever separators stand in it."""

import json

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.sdk import Estate, errors
from estate.sdk.models.gpt import Sentence
from estate.sdk.sse import events, lines

ID = "30000000-0000-4000-8000-000000000001"
TEXTS = st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8")), min_size=1)


@given(TEXTS, st.sampled_from(["\n", "\r\n"]), st.integers(1, 9))
def test_events_are_the_same_however_they_are_cut(texts: list[str], end: str, size: int) -> None:
    whole = "".join(f"event: told{end}data: {text}{end}{end}" for text in texts)
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert list(events(lines(pieces))) == [("told", text) for text in texts]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_a_sentence_may_hold_what_separates_lines_elsewhere(separator: str) -> None:
    told = {"claim": f"sea{separator}view", "cites": [], "audience": "client"}
    said = json.dumps(told, ensure_ascii=False)
    stream = f"event: sentence\ndata: {said}\n\n".encode()
    answer = httpx2.Response(200, content=stream, headers={"Content-Type": "text/event-stream"})
    with Estate("http://estate.test", http=httpx2.MockTransport(lambda _: answer)) as estate:
        reply = estate.gpt.respond_stream("Which unit?", agent_id=ID)
        sentence = next(reply)
        assert isinstance(sentence, Sentence)
        assert sentence.claim == f"sea{separator}view"
        with pytest.raises(errors.Unreachable, match="broke off"):
            next(reply)
