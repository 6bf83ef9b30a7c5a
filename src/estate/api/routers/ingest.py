"""What ingestion refused."""

from typing import Annotated

from fastapi import APIRouter, Query

from estate.api.deps import ReadSession
from estate.core.paging import PageOut
from estate.core.rejected import RejectedFilter, RejectedOut, list_rejected

router = APIRouter(prefix="/ingest", tags=["ingest"])


@router.get("/rejected")
def rejected(session: ReadSession, wanted: Annotated[RejectedFilter, Query()]) -> PageOut[RejectedOut]:
    """List refused rows with their bytes and the reason, newest first."""
    page = list_rejected(session, wanted)
    return PageOut(items=list(page.items), next_cursor=page.next_cursor)
