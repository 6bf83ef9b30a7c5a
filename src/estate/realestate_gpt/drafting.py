"""A reply in the making: a generator writes without a transaction, and what stands up to the records is chosen."""

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from estate.core.db import unit_of_work
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.realestate_gpt import composer
from estate.realestate_gpt.answering import answer
from estate.realestate_gpt.confidence import Judgement, judge
from estate.realestate_gpt.evidence import Evidence
from estate.realestate_gpt.gathering import gather
from estate.realestate_gpt.generators import Asked, GenerationFailed, Generator
from estate.realestate_gpt.grounding import Grounding
from estate.realestate_gpt.intent import read
from estate.realestate_gpt.schemas import AgentContext
from estate.realestate_gpt.verifier import Sentence, Verified, verify

__all__ = ["Chosen", "Draft", "Drafting", "choose", "drafted"]

TOO_FEW = "What the language model wrote did not stand up to the records."
COMPOSED = "This reply was composed from the records without it."


@dataclass(frozen=True, slots=True)
class Draft:
    """What a generator wrote, not yet checked against the records of the transaction that keeps it.

    Parameters
    ----------
    version : str
        Of the generator.
    own_words : bool
        See `Generator.own_words`.
    written_at : datetime.datetime
        The time as of which the evidence was computed.
    sentences : tuple of Sentence
        In order.
    failure : str or None
        Why there are no more.
    """

    version: str
    own_words: bool
    written_at: dt.datetime
    sentences: tuple[Sentence, ...] = ()
    failure: str | None = None


class Drafting:
    """Lets a generator write on evidence that was read in a transaction of its own, which has ended.

    Parameters
    ----------
    actor : Actor
        Who asks: records that the actor may not see are not read.
    text : str
        The question.
    context : AgentContext
        Who asks, about whom and about which unit.
    generator : Generator
        Who writes.

    Raises
    ------
    NotFound
        When the agent, client or unit does not exist.
    """

    def __init__(self, actor: Actor, text: str, context: AgentContext, generator: Generator) -> None:
        self._generator = generator
        self._now = dt.datetime.now(dt.UTC)
        self._written: list[Sentence] = []
        self._failure: str | None = None
        question = read(text)
        with unit_of_work(actor, read_only=True) as session:
            evidence = gather(session, text, question, context, now=self._now)
        self._asked = Asked(text, evidence.intents, evidence)
        self._answerable = not answer(evidence)[0].abstained

    async def sentences(self) -> AsyncGenerator[Sentence]:
        """Yield each sentence of the generator that the evidence supports, as soon as it is written.

        Nothing is asked for when the records do not answer the question.
        """
        if not self._answerable:
            return
        shown: set[Sentence] = set()
        try:
            async with aclosing(self._generator.write(self._asked)) as written:
                async for sentence in written:
                    self._written.append(sentence)
                    if sentence not in shown and _checked(self._asked.evidence, [sentence], self._generator).kept:
                        shown.add(sentence)
                        yield sentence
        except GenerationFailed as failure:
            self._failure = str(failure)

    def draft(self) -> Draft:
        """Return what was written until now."""
        generator = self._generator
        return Draft(generator.version, generator.own_words, self._now, tuple(self._written), self._failure)


async def drafted(actor: Actor, text: str, context: AgentContext, generator: Generator) -> Draft:
    """Let a generator write the whole draft; see `Drafting`."""
    drafting = await asyncio.to_thread(Drafting, actor, text, context, generator)
    async for _ in drafting.sentences():
        pass
    return drafting.draft()


@dataclass(frozen=True, slots=True)
class Chosen:
    """The sentences of a reply and who wrote them.

    Parameters
    ----------
    judgement : Judgement
        Whether they answer the question.
    verified : Verified
        What is shown, and which of our own sentences are not.
    version : str
        Of the generators whose sentences are shown.
    refused : int
        Sentences of a model that did not stand up to the check.
    note : tuple of str
        What the reader has to know of how the reply came about.
    """

    judgement: Judgement
    verified: Verified
    version: str = composer.VERSION
    refused: int = 0
    note: tuple[str, ...] = ()


def choose(evidence: Evidence, draft: Draft | None) -> Chosen:
    """Take the draft where it stands up to the records and answers, with what the composer adds; else the composer's.

    Parameters
    ----------
    evidence : Evidence
        The records as they are now.
    draft : Draft or None
        What a generator wrote, perhaps on records that have changed since.
    """
    judgement, composed = answer(evidence)
    if draft is None or judgement.abstained:
        return Chosen(judgement, composed)
    written = _checked(evidence, draft.sentences, draft)
    refused = len(written.dropped)
    answers = judge(evidence.intents, evidence, written)
    least = get_settings().llm_min_kept_share * (len(written.kept) + refused)
    if draft.failure or len(written.kept) < least or answers.abstained:
        return Chosen(judgement, composed, refused=refused, note=(draft.failure or TOO_FEW, COMPOSED))
    added = [sentence for sentence in composed.kept if _adds(sentence, written)]
    version = f"{draft.version}+{composer.VERSION}" if added else draft.version
    return Chosen(answers, Verified((*written.kept, *added), composed.dropped), version, refused)


def _checked(evidence: Evidence, sentences: Sequence[Sentence], by: Draft | Generator) -> Verified:
    return verify(sentences, evidence.records()) if by.own_words else Grounding(evidence).verify(sentences)


def _adds(sentence: Sentence, written: Verified) -> bool:
    """Tell whether a sentence of the composer says what the kept ones do not."""
    if sentence.audience == "client":
        return all(kept.audience != "client" for kept in written.kept)
    said = {cite for kept in written.kept for cite in kept.cites}
    return not said.issuperset(sentence.cites)
