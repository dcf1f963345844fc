"""Metrics for Prometheus: the figures of the installation, and how long this process takes for its work."""

from fastapi import APIRouter, Request, Response

from api.parts import CorePart

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    summary="Give the metrics",
    response_class=Response,
    responses={
        200: {
            "description": "In Prometheus' text format, or OpenMetrics where it is asked for",
            "content": {"text/plain": {}},
        }
    },
)
async def get_metrics(request: Request, core: CorePart) -> Response:
    """Answer 200 also while broker or ledger is away: then their figures are left out, and `sync_…_up` says so."""
    body, kind = await core.metrics.render(request.headers.get("accept", ""))
    return Response(body, media_type=kind)
