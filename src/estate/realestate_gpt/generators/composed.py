"""The composer as a generator: no model, no network, the same sentences from the same records."""

from collections.abc import AsyncGenerator

from estate.realestate_gpt import composer
from estate.realestate_gpt.generators.protocol import Asked
from estate.realestate_gpt.verifier import Sentence

__all__ = ["Composer"]


class Composer:
    """See `estate.realestate_gpt.composer`."""

    version = composer.VERSION
    own_words = True

    async def write(self, asked: Asked) -> AsyncGenerator[Sentence]:
        """Yield every sentence that the evidence has values for."""
        for sentence in composer.compose(asked.intents, asked.evidence, for_client=True):
            yield sentence
