"""The OpenAPI document, and the page on which a person reads it and tries it out. The API serves all of it itself.

FastAPI's own page loads its script from a public network. Without that network it stays blank; with it, a third
party's script sees the keys that are typed in.
"""

from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse

from adjudge.api.problems import Problem

FOLDER: Final = Path(str(files("fastapi_swagger.resources")))
"""Of a package that brings Swagger UI and no more of which we use."""
SCRIPT, STYLE, ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"
OURS_ALONE: Final = {
    "content-security-policy": "default-src 'self'; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
}
"""`unsafe-inline`: the page calls its script in itself, as FastAPI writes it."""
AS_OPENED: Final = {"docExpansion": "list", "defaultModelsExpandDepth": 0, "displayRequestDuration": True}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def root() -> RedirectResponse:
    """Lead who opens the bare address to the page."""
    return RedirectResponse("docs")


@router.get("/docs")
async def page() -> HTMLResponse:
    """Return the page. Its addresses are relative, so that a proxy may serve it under any path."""
    found = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Adjudge",
        swagger_js_url=f"docs/{SCRIPT}",
        swagger_css_url=f"docs/{STYLE}",
        swagger_favicon_url=f"docs/{ICON}",
        swagger_ui_parameters=AS_OPENED,
    )
    found.headers.update(OURS_ALONE)
    return found


@router.get("/openapi.json")
def document(request: Request) -> JSONResponse:
    """Return the document. In a thread: it is made when it is first asked for, which takes a second of CPU."""
    return JSONResponse(request.app.openapi())


@router.get("/docs/{part}")
async def part(part: str) -> FileResponse:
    """Return a part of the page. Raises Problem."""
    if part not in {SCRIPT, STYLE, ICON}:
        raise Problem("not-found", "the page has no such part")
    return FileResponse(FOLDER / part)
