"""A model behind any endpoint that speaks OpenAI's protocol, by the official SDK (the extra ``llm``)."""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import lru_cache
from typing import Any

import httpx2
from openai import APIError, APITimeoutError, AsyncOpenAI

from estate.core.settings import Settings
from estate.realestate_gpt.generators import prompt
from estate.realestate_gpt.generators.outbound import OneHost
from estate.realestate_gpt.generators.protocol import Asked, GenerationFailed
from estate.realestate_gpt.generators.spending import Spending, reserve
from estate.realestate_gpt.verifier import Sentence

__all__ = ["OpenAICompatible"]

log = logging.getLogger(__name__)

for _library in ("openai", "httpx2", "httpcore2"):  # At DEBUG the SDK would log questions and records.
    logging.getLogger(_library).setLevel(logging.WARNING)

BYTES_PER_TOKEN = 3  # Few enough for any tokenizer and script to use no more tokens than are set aside.
LATE = "The language model did not answer in time."
FAILED = "The language model could not be reached or refused to answer."
UNREADABLE = "The language model's answer could not be read."


class OpenAICompatible:
    """Asks a model for cited sentences and yields each as soon as it is complete.

    Parameters
    ----------
    settings : Settings
        The endpoint, the model and every limit: ``ESTATE_LLM_…``.
    """

    own_words = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def version(self) -> str:
        """Model and prompt."""
        return f"{self._settings.llm_model}/{prompt.VERSION}"

    async def write(self, asked: Asked) -> AsyncGenerator[Sentence]:
        """Yield the sentences of the model; see `Generator.write`.

        Its time counts from here to the last sentence, retries included; each wait ends with it.
        """
        request = prompt.messages(asked)
        most = sum(len(message["content"].encode()) for message in request) // BYTES_PER_TOKEN
        most += self._settings.llm_reply_max_tokens
        spending = await asyncio.to_thread(reserve, self._settings, asked.evidence.agent.id, most)
        reader, read = prompt.Reader(), 0
        try:
            async with aclosing(self._pieces(request, spending)) as pieces:
                async for piece in pieces:
                    for sentence in reader.feed(piece):
                        read += 1
                        yield sentence
            for sentence in reader.close():
                read += 1
                yield sentence
        except (TimeoutError, APITimeoutError):
            raise GenerationFailed(LATE) from None
        except (APIError, httpx2.HTTPError) as error:
            log.warning("model failed", extra={"error": type(error).__name__})
            if not read:
                await asyncio.to_thread(spending.settle, 0)
            raise GenerationFailed(FAILED) from None
        except ValueError:
            if not read:  # An answer that was cut off at its limit has said something.
                raise GenerationFailed(UNREADABLE) from None

    async def _pieces(self, request: Any, spending: Spending) -> AsyncGenerator[str]:
        """Yield the answer as it comes in, at most as many pieces as tokens are allowed; settle what it cost."""
        deadline = time.monotonic() + self._settings.llm_timeout_s
        most = self._settings.llm_reply_max_tokens
        used, count = None, 0
        async with _client(self._settings) as client:
            async with _until(deadline):
                stream = await client.chat.completions.create(
                    model=str(self._settings.llm_model),
                    messages=request,
                    response_format=prompt.ANSWER,  # type: ignore[call-overload]
                    max_completion_tokens=most,
                    stream=True,
                    stream_options={"include_usage": True},
                )
            async with stream:
                while count <= most:
                    async with _until(deadline):
                        chunk = await anext(stream, None)
                    if chunk is None:
                        break
                    used = chunk.usage.total_tokens if chunk.usage else used
                    content = chunk.choices[0].delta.content if chunk.choices else None
                    if content:
                        count += 1
                        yield content
        await asyncio.to_thread(spending.settle, used if used is not None else spending.tokens - most + count)


def _until(deadline: float) -> asyncio.Timeout:
    """Limit one wait: a time-out around a ``yield`` would strike whoever reads."""
    return asyncio.timeout(max(0.0, deadline - time.monotonic()))


def _client(settings: Settings) -> AsyncOpenAI:
    base_url = str(settings.llm_base_url)
    transport = OneHost(httpx2.URL(base_url).host, private=settings.llm_allow_private_addresses, tls=_tls())
    key = settings.llm_api_key
    client = AsyncOpenAI(
        base_url=base_url,
        api_key=key.get_secret_value() if key else "none",
        admin_api_key="",
        timeout=settings.llm_timeout_s,
        max_retries=settings.llm_max_retries,
        http_client=httpx2.AsyncClient(transport=transport, follow_redirects=False, trust_env=False),
    )
    client.organization = client.project = None  # The SDK would take them from the environment.
    return client


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Read the certificates once."""
    return ssl.create_default_context()
