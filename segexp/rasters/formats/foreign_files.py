"""Recognises files that bear the name of an image and are something else, by how they begin."""

_BEGIN = (
    (b"version https://git-lfs", "a pointer of Git LFS, the image itself is not here", "Fetch it with: git lfs pull"),
    (b"/annex/objects", "a pointer of git-annex, the image itself is not here", "Fetch it with: git annex get"),
    (b"PK\x03\x04", "a ZIP archive, as .npz of numpy", "Unpack it; save each array of an .npz with numpy.save"),
    (b"\x1f\x8b", "a gzip archive", "Unpack it"),
    (b"%PDF", "a PDF", "Save its pictures as PNG or TIFF"),
    (b"\x89HDF", "an HDF5 file", "Save its arrays as PNG, TIFF or .npy"),
    (b"Rar!", "a RAR archive", "Unpack it"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it"),
    (b"\x00\x05\x16\x07", "what macOS keeps beside a file", "Delete it, and copy the image itself"),
)
_HTML = "It is a web page, perhaps one that asks for a login: copy it again from its source"
_TEXTS = (
    ((b"<!doctype html", b"<html", b"<head"), "a web page in place of the image", _HTML),
    ((b"<svg", b"<?xml"), "XML, perhaps a drawing", "Save it as PNG"),
    ((b"{", b"["), "JSON", "Export annotations as masks, PNG files of class numbers"),
)


def identify_foreign(start: bytes) -> tuple[str, str] | None:
    """Names what a file is and what to do, from its first hundred bytes or more; None: nothing known."""
    for begin, what, advice in _BEGIN:
        if start.startswith(begin):
            return what, advice
    if start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        return "a HEIC photograph", "Save it as PNG or JPEG"
    if start[128:132] == b"DICM":
        return "a DICOM file", "Save it as PNG or TIFF of 16 bits"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return next(((what, advice) for begins, what, advice in _TEXTS if text.startswith(begins)), None)
