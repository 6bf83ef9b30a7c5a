"""Calls of the assistant."""

from collections.abc import Iterator, Mapping

from estate.sdk.errors import ProblemDetails, Unreachable, error_of
from estate.sdk.groups.base import Group, Id, posted, segment
from estate.sdk.models.gpt import Feedback, Policy, Reply, Sentence, StoredReply
from estate.sdk.sse import events, lines
from estate.sdk.transport import parsed

Unit = str | Mapping[str, Id]
"""A unit as "project_id:unit_id", or as an object of the two."""


class GptApi(Group):
    """Real Estate GPT: answers whose every figure and name stands in a cited record."""

    def respond(
        self,
        client_input: str,
        *,
        agent_id: Id,
        client_id: Id | None = None,
        property: Unit | None = None,  # noqa: A002 (as the API names it)
        idempotency_key: str | None = None,
    ) -> Reply:
        """Answer a question from the records of all layers."""
        body = {"client_input": client_input, "agent_id": agent_id, "client_id": client_id, "property": property}
        return self._post(Reply, "/gpt/respond", body, idempotency_key)

    def respond_stream(
        self,
        client_input: str,
        *,
        agent_id: Id,
        client_id: Id | None = None,
        property: Unit | None = None,  # noqa: A002
        idempotency_key: str | None = None,
    ) -> Iterator[Sentence | Reply]:
        """Answer sentence by sentence, each once it was checked; last comes the reply that counts and is kept.

        Raises
        ------
        EstateError
            Also after sentences: what was said so far does not count then.
        """
        body = {"client_input": client_input, "agent_id": agent_id, "client_id": client_id, "property": property}
        with self._transport.stream(posted("/gpt/respond/stream", body, idempotency_key)) as response:
            for name, data in events(lines(response.iter_text())):
                if name == "sentence":
                    yield parsed(Sentence, response, data)
                elif name == "reply":
                    yield parsed(Reply, response, data)
                    return
                elif name == "problem":
                    raise error_of(parsed(ProblemDetails, response, data))
            raise Unreachable("The answer broke off.", request_id=response.headers.get("x-request-id"))

    def feedback(
        self,
        *,
        response_id: Id,
        verdict: str,
        note: str | None = None,
        edited_text: str | None = None,
        outcome: str | None = None,
        idempotency_key: str | None = None,
    ) -> Feedback:
        """Say whether a reply was helpful, not_helpful or wrong."""
        body = {
            "response_id": response_id,
            "verdict": verdict,
            "note": note,
            "edited_text": edited_text,
            "outcome": outcome,
        }
        return self._post(Feedback, "/gpt/feedback", body, idempotency_key)

    def responses(self, response_id: Id) -> StoredReply:
        """Return a stored reply with the records as they were when it was made."""
        return self._get(StoredReply, f"/gpt/responses/{segment(response_id)}")

    def ranking(self) -> Policy:
        """Return the weights that rank records, and for what they were promoted."""
        return self._get(Policy, "/gpt/ranking")

    def ranking_rollback(self, *, version: int, idempotency_key: str | None = None) -> Policy:
        """Leave the version in force and rank by the one before it."""
        return self._post(Policy, "/gpt/ranking/rollback", {"version": version}, idempotency_key)
