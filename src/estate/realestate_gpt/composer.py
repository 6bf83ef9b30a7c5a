"""Writes the reply: a topic picks sections, a section says sentences, a sentence is made of cited fields only."""

from collections.abc import Iterable, Sequence

from estate.realestate_gpt.brief import brief
from estate.realestate_gpt.evidence import Evidence
from estate.realestate_gpt.intent import Intent
from estate.realestate_gpt.message import message
from estate.realestate_gpt.saying import Section, say
from estate.realestate_gpt.verifier import Sentence

__all__ = ["VERSION", "compose", "render", "say"]

VERSION = "composer-6"


def compose(intents: Sequence[Intent], evidence: Evidence, *, for_client: bool) -> list[Sentence]:
    """Write every sentence that the evidence has values for, in reading order, each once.

    Parameters
    ----------
    intents : sequence of Intent
        Topics of the question, the main one first.
    evidence : Evidence
        Records by role.
    for_client : bool
        Whether to write a message to the client as well, if there is one to write to.
    """
    sections: list[Section] = []
    if for_client and evidence.addressee is not None:
        sections += message(intents)
    sections += brief(intents)
    said = (sentence for section in sections for sentence in section(evidence))
    return list(dict.fromkeys(sentence for sentence in said if sentence is not None))


def render(sentences: Iterable[Sentence], lead: Sequence[str] = ()) -> str:
    """Lay the sentences out: what is missing, the message to the client, the brief for the agent."""
    kept = list(sentences)
    parts = [" ".join(lead)]
    parts += [_block("To the client:", " ".join(s.text for s in kept if s.audience == "client"))]
    parts += [_block("For you:", "\n".join(f"- {s.text}" for s in kept if s.audience == "agent"))]
    return "\n\n".join(part for part in parts if part)


def _block(heading: str, body: str) -> str:
    return f"{heading}\n{body}" if body else ""
