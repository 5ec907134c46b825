"""A release: an immutable tree with a manifest, and the pointer file that makes one live."""
