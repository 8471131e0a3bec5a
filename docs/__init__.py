"""Pages of the docs site, and ``docs.website``, which makes the rest of it; not part of the package."""
