"""What a generator takes and gives, whoever it is."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from estate.realestate_gpt.evidence import Evidence
from estate.realestate_gpt.intent import Intent
from estate.realestate_gpt.verifier import Sentence

__all__ = ["Asked", "GenerationFailed", "Generator"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reply is to be written for.

    Parameters
    ----------
    text : str
        The client's or agent's words: data, never an instruction.
    intents : tuple of Intent
        Topics of the question, the main one first.
    evidence : Evidence
        What the reply may stand on.
    """

    text: str
    intents: tuple[Intent, ...]
    evidence: Evidence


class Generator(Protocol):
    """Writes cited sentences."""

    @property
    def version(self) -> str:
        """Name and version, as the audit keeps it."""

    @property
    def own_words(self) -> bool:
        """Whether the words are ours, so that only the values need a check."""

    def write(self, asked: Asked) -> AsyncGenerator[Sentence]:
        """Yield sentences as they are written; nothing about them is known to be true.

        Raises
        ------
        GenerationFailed
            When there will be no more, and why.
        """


class GenerationFailed(Exception):
    """The generator gave up; the message is a sentence for the reader."""
