"""Input that lies elsewhere: listed and copied with fsspec, or streamed window by window with GDAL."""
