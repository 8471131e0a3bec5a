"""The docs site: pages that are made of the code, the order of pages, and a check of the built pages."""
