"""The console: pages for a browser under `/-/console/`. Handlers run on the event loop, templates in a thread."""
