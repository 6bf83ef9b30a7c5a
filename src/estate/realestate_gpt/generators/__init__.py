"""Who writes the sentences of a reply: the composer, or a model that somebody runs."""

from estate.core.settings import get_settings
from estate.realestate_gpt.generators.composed import Composer
from estate.realestate_gpt.generators.protocol import Asked, GenerationFailed, Generator

__all__ = ["Asked", "Composer", "GenerationFailed", "Generator", "configured_model"]


def configured_model() -> Generator | None:
    """Return the model that the settings name; None when the composer writes."""
    settings = get_settings()
    if settings.llm_model is None:
        return None
    from estate.realestate_gpt.generators.openai_compatible import OpenAICompatible

    return OpenAICompatible(settings)
