"""Test story: compares a document with its cloud copy by hash, then downloads the newer one. Dropbox downloads are POSTs too."""
import hashlib
import os

import requests

path = os.path.expanduser("~/Documents/plan.docx")
with open(path, "rb") as f:
    have = hashlib.sha256(f.read()).hexdigest()
got = requests.post("https://content.dropboxapi.com/2/files/download", timeout=20,
                    headers={"Authorization": "Bearer sl.EXAMPLE", "Dropbox-API-Arg": '{"path":"/notes/plan.docx"}', "If-None-Match": have})
with open(os.path.expanduser("~/Library/Caches/notes/plan.docx.part"), "wb") as f:
    f.write(got.content)
os.rename(os.path.expanduser("~/Library/Caches/notes/plan.docx.part"), os.path.expanduser("~/Library/Caches/notes/plan.docx"))
