"""Programs in ten languages that read and write one endpoint: a connector, a query, and permissions to text."""
