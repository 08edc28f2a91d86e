"""The bundle: only a bundle can carry the provisioning profile that Endpoint Security's entitlement asks for."""
import hashlib
import os
import plistlib

from . import macho

ENDPOINT_SECURITY = "com.apple.developer.endpoint-security.client"
# What of a profile's grants goes into the signature beside it: they bind the program to its team.
FROM_PROFILE = ("com.apple.application-identifier", "com.apple.developer.team-identifier")
EXECUTABLE = "MacOS/cloudward"


def info(identifier, version, minimum):
    """Info.plist, as bytes."""
    return plistlib.dumps(
        {
            "CFBundleDevelopmentRegion": "en",
            "CFBundleExecutable": "cloudward",
            "CFBundleIdentifier": identifier,
            "CFBundleInfoDictionaryVersion": "6.0",
            "CFBundleName": "Cloudward",
            "CFBundlePackageType": "APPL",
            "CFBundleShortVersionString": version,
            "CFBundleSupportedPlatforms": ["MacOSX"],
            "CFBundleVersion": version,
            "LSBackgroundOnly": True,
            "LSMinimumSystemVersion": minimum,
        }
    )


def entitlements(written, profile):
    """The entitlements to sign with: those written down, and the profile's names of program and team. Both as bytes.

    macOS kills a program that claims Endpoint Security without a profile that grants it, so none means none.
    """
    if profile is None:
        return None
    begin, end = profile.find(b"<?xml"), profile.find(b"</plist>")
    if begin < 0 or end < begin:
        raise macho.Unusable("no provisioning profile: there is no property list in it")
    granted = plistlib.loads(profile[begin : end + len(b"</plist>")]).get("Entitlements", {})
    if granted.get(ENDPOINT_SECURITY) is not True:
        raise macho.Unusable(f"the provisioning profile does not grant {ENDPOINT_SECURITY}")
    wanted = plistlib.loads(written)
    return plistlib.dumps(wanted | {key: granted[key] for key in FROM_PROFILE if key in granted}).strip()


def seal(contents):
    """`_CodeSignature/CodeResources` of a bundle, as bytes: the checksum of each file but the program's own."""
    old, new = {}, {}
    for folder, folders, names in os.walk(contents):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, contents)
            if relative in ("Info.plist", "PkgInfo", EXECUTABLE) or relative.startswith("_CodeSignature/"):
                continue
            with open(path, "rb") as file:
                content = file.read()
            new[relative] = {"hash2": hashlib.sha256(content).digest()}
            if relative.startswith("Resources/"):
                old[relative] = hashlib.sha1(content).digest()
    return plistlib.dumps({"files": old, "files2": new, "rules": RULES, "rules2": RULES2})


# What `codesign` writes for every app: which files are sealed, and which may come and go.
RULES = {
    "^Resources/": True,
    "^Resources/.*\\.lproj/": {"optional": True, "weight": 1000.0},
    "^Resources/.*\\.lproj/locversion.plist$": {"omit": True, "weight": 1100.0},
    "^Resources/Base\\.lproj/": {"weight": 1010.0},
    "^version.plist$": True,
}
RULES2 = {
    ".*\\.dSYM($|/)": {"weight": 11.0},
    "^(.*/)?\\.DS_Store$": {"omit": True, "weight": 2000.0},
    "^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS|Library/(Automator|Spotlight|LoginItems))/": {
        "nested": True,
        "weight": 10.0,
    },
    "^.*": True,
    "^Info\\.plist$": {"omit": True, "weight": 20.0},
    "^PkgInfo$": {"omit": True, "weight": 20.0},
    "^Resources/": {"weight": 20.0},
    "^Resources/.*\\.lproj/": {"optional": True, "weight": 1000.0},
    "^Resources/.*\\.lproj/locversion.plist$": {"omit": True, "weight": 1100.0},
    "^Resources/Base\\.lproj/": {"weight": 1010.0},
    "^[^/]+$": {"nested": True, "weight": 10.0},
    "^embedded\\.provisionprofile$": {"weight": 20.0},
    "^version\\.plist$": {"weight": 20.0},
}
