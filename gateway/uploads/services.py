"""Services of uploads, built once by the composition root."""

from dataclasses import dataclass
from typing import Self

from gateway.endpoints.services import Services
from gateway.server.scope import Asgi
from gateway.threads import ContextThreadPool
from gateway.uploads.drafts import UploadDrafts
from gateway.uploads.load_run import LoadRuns
from gateway.uploads.loads import Loads
from gateway.uploads.reading import ReadingLimits
from gateway.uploads.row_poster import RowPoster
from gateway.uploads.uploads import Uploads


@dataclass(frozen=True, slots=True)
class UploadServices:
    """The services that receive, draft, and load uploads."""

    uploads: Uploads
    drafts: UploadDrafts
    loads: Loads

    @classmethod
    def of(cls, services: Services, app: Asgi, thread: ContextThreadPool) -> Self:
        """Build the services.

        Args:
            services: The services of requests.
            app: The application that batches are posted to, with its access log and counters.
            thread: Reads the files.
        """
        settings = services.intake.settings
        limits = ReadingLimits(settings.max_body, settings.uploads)
        uploads = Uploads(settings.data / "uploads", settings.uploads, services.intake.disk)
        credentials = services.auth.credentials
        poster = RowPoster(app, credentials)
        runs = LoadRuns(uploads, services.live, services.storage.reader, limits, settings.data / "loads")
        return cls(
            uploads,
            UploadDrafts(uploads, thread, limits),
            Loads(uploads, runs, poster, credentials, thread, limits),
        )
