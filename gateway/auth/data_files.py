"""The files with tokens in the data directory."""

ADMIN_FILE = "admin-token"
#: The tokens file, where no other is configured.
TOKENS_FILE = "tokens.yaml"
