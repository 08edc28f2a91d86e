"""A flat installer package: a xar archive of Distribution and one component (Bom, PackageInfo, Payload, Scripts).

The same input gives the same bytes: every time written is `when`, every owner is root:wheel.
"""
import gzip
import hashlib
import os
import stat
import struct
import time
import zlib
from xml.sax.saxutils import quoteattr

from . import bom

BUNDLE = "./Library/Application Support/cloudward/Cloudward.app"


def write(root, scripts, out, identifier, version, minimum, when):
    """Packages the folder `root`, to be laid over `/`, and the install scripts in the folder `scripts`."""
    paths = [path for _, _, path in bom.walk(root)]
    kilobytes = sum(os.lstat(path).st_size for path in paths) // 1024 + 1
    component = {
        "Bom": bom.write(root, when),
        "PackageInfo": package_info(identifier, version, len(paths), kilobytes).encode(),
        "Payload": pack(root, when),
        "Scripts": pack(scripts, when),
    }
    parts = {"Distribution": distribution(identifier, version, minimum, kilobytes).encode()}
    with open(out, "wb") as file:
        file.write(xar(parts | {"component.pkg": component}, when))


def package_info(identifier, version, files, kilobytes):
    """Folders that are there already keep their owners: /Library/Application Support is not ours to change."""
    bundle = f"<bundle id={quoteattr(identifier)}/>"
    return f"""<?xml version="1.0" encoding="utf-8"?>
<pkg-info overwrite-permissions="false" relocatable="false" identifier={quoteattr(identifier)} postinstall-action="none" \
version={quoteattr(version)} format-version="2" generator-version="cloudward" install-location="/" auth="root">
  <payload numberOfFiles="{files}" installKBytes="{kilobytes}"/>
  <bundle path={quoteattr(BUNDLE)} id={quoteattr(identifier)} CFBundleShortVersionString={quoteattr(version)} \
CFBundleVersion={quoteattr(version)}/>
  <bundle-version/>
  <upgrade-bundle/>
  <update-bundle/>
  <atomic-update-bundle/>
  <strict-identifier>{bundle}</strict-identifier>
  <relocate/>
  <scripts>
    <preinstall file="./preinstall"/>
    <postinstall file="./postinstall"/>
  </scripts>
</pkg-info>
"""


def distribution(identifier, version, minimum, kilobytes):
    name = quoteattr(identifier)
    return f"""<?xml version="1.0" encoding="utf-8"?>
<installer-gui-script minSpecVersion="2">
  <title>cloudward</title>
  <options customize="never" require-scripts="false" rootVolumeOnly="true" hostArchitectures="arm64,x86_64"/>
  <domains enable_anywhere="false" enable_currentUserHome="false" enable_localSystem="true"/>
  <volume-check><allowed-os-versions><os-version min={quoteattr(minimum)}/></allowed-os-versions></volume-check>
  <choices-outline><line choice="default"><line choice={name}/></line></choices-outline>
  <choice id="default"/>
  <choice id={name} visible="false"><pkg-ref id={name}/></choice>
  <pkg-ref id={name} version={quoteattr(version)} onConclusion="none" installKBytes="{kilobytes}">#component.pkg</pkg-ref>
</installer-gui-script>
"""


def pack(root, when):
    """The folder as gzip of a cpio archive in the portable ASCII form (odc), names starting with `.`."""
    packed = b""
    for number, (_, _, path) in enumerate(bom.walk(root), 1):
        status, content = os.lstat(path), b""
        if stat.S_ISLNK(status.st_mode):
            content = os.readlink(path).encode()
        elif stat.S_ISREG(status.st_mode):
            with open(path, "rb") as file:
                content = file.read()
        relative = os.path.relpath(path, root)
        packed += entry(number, "." if relative == "." else f"./{relative}", status.st_mode, when, content)
    packed += entry(0, "TRAILER!!!", 0, 0, b"")
    return gzip.compress(packed, 9, mtime=0)


def entry(number, name, mode, when, content):
    links = 2 if stat.S_ISDIR(mode) else 1
    header = f"070707{0:06o}{number:06o}{mode:06o}{0:06o}{0:06o}{links:06o}{0:06o}{when:011o}"
    return f"{header}{len(name.encode()) + 1:06o}{len(content):011o}".encode() + name.encode() + b"\0" + content


def xar(tree, when):
    """A xar archive of {name: bytes or such a tree}, its parts stored as they are. The checksums are SHA-1, which
    every macOS reads; they find damage, and it is the signature's part to find malice."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
    heap, numbers = [bytes(20)], iter(range(1, 1 << 16))

    def file(name, content):
        head = f'<file id="{next(numbers)}"><name>{name}</name><mtime>{stamp}</mtime>'
        head += "<uid>0</uid><gid>0</gid><user>root</user><group>wheel</group>"
        if isinstance(content, dict):
            inner = "".join(file(*item) for item in sorted(content.items()))
            return f"{head}<type>directory</type><mode>0755</mode>{inner}</file>"
        offset, checksum = sum(map(len, heap)), hashlib.sha1(content).hexdigest()
        heap.append(content)
        return (
            f"{head}<type>file</type><mode>0644</mode><data><length>{len(content)}</length><offset>{offset}</offset>"
            f'<size>{len(content)}</size><encoding style="application/octet-stream"/>'
            f'<extracted-checksum style="sha1">{checksum}</extracted-checksum>'
            f'<archived-checksum style="sha1">{checksum}</archived-checksum></data></file>'
        )

    files = "".join(file(*item) for item in sorted(tree.items()))
    contents = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<xar><toc><creation-time>{stamp[:-1]}</creation-time>'
        f'<checksum style="sha1"><offset>0</offset><size>20</size></checksum>{files}</toc></xar>\n'
    ).encode()
    packed = zlib.compress(contents, 9)
    heap[0] = hashlib.sha1(packed).digest()
    return struct.pack(">4s2H2QI", b"xar!", 28, 1, len(packed), len(contents), 1) + packed + b"".join(heap)
