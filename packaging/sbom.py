#!/usr/bin/env python3
"""What is in the program: a bill of materials (CycloneDX 1.5, JSON) and the texts of all licences.

    packaging/sbom.py TARGET BILL.json LICENCES.txt

Counted is what the program of that target is linked from; what only builds or tests it is not."""

import hashlib, json, pathlib, subprocess, sys, uuid

def metadata(target):
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", target]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

def linked(data):
    """The package ids that normal dependencies lead to, the program itself first."""
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    found, waiting = {}, [data["resolve"]["root"]]
    while waiting:
        package = waiting.pop()
        if package in found:
            continue
        needs = [d["pkg"] for d in nodes[package]["deps"] if any(k["kind"] is None for k in d["dep_kinds"])]
        found[package] = needs
        waiting += needs
    return found

def checksums():
    """Of the lock file, by name and version."""
    found, entry = {}, {}
    for line in pathlib.Path("Cargo.lock").read_text().splitlines() + ["[[package]]"]:
        if line == "[[package]]":
            if "checksum" in entry:
                found[entry["name"], entry["version"]] = entry["checksum"]
            entry = {}
        elif " = " in line:
            key, value = line.split(" = ", 1)
            entry[key] = value.strip('"')
    return found

def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"

def bill(data, found):
    packages = {package["id"]: package for package in data["packages"]}
    sums, root = checksums(), data["resolve"]["root"]

    def component(package):
        entry = {
            "type": "library", "bom-ref": purl(package), "name": package["name"], "version": package["version"],
            "purl": purl(package), "licenses": [{"expression": package["license"].replace("/", " OR ")}],
        }
        if (checksum := sums.get((package["name"], package["version"]))):
            entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        if package.get("repository"):
            entry["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
        return entry

    program = component(packages[root]) | {"type": "application"}
    others = sorted((packages[each] for each in found if each != root), key=purl)
    # The same input gives the same bill, its number included.
    number = uuid.UUID(hashlib.sha256(pathlib.Path("Cargo.lock").read_bytes()).hexdigest()[:32], version=4)
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "serialNumber": f"urn:uuid:{number}",
        "metadata": {"component": program},
        "components": [component(package) for package in others],
        "dependencies": sorted(
            ({"ref": purl(packages[each]), "dependsOn": sorted(purl(packages[need]) for need in needs)}
             for each, needs in found.items()), key=lambda entry: entry["ref"]),
    }

def licences(data, found):
    """Each text once, under the names of all packages that have it."""
    texts = {}
    for package in sorted((p for p in data["packages"] if p["id"] in found), key=purl):
        folder = pathlib.Path(package["manifest_path"]).parent
        files = sorted(f for f in folder.iterdir()
                       if f.is_file() and f.name.upper().startswith(("LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE")))
        for file in files or [None]:
            text = file.read_text(errors="replace").strip() if file else f"(no text in the package) {package['license']}"
            texts.setdefault(text, []).append(f"{package['name']} {package['version']} ({package['license']})")
    parts = ["\n".join(dict.fromkeys(names)) + "\n\n" + text for text, names in texts.items()]
    return ("\n\n" + "=" * 78 + "\n\n").join(parts) + "\n"

def main():
    target, bill_file, licence_file = sys.argv[1:]
    data = metadata(target)
    found = linked(data)
    pathlib.Path(bill_file).write_text(json.dumps(bill(data, found), indent=1) + "\n")
    pathlib.Path(licence_file).write_text(licences(data, found))
    print(f"{len(found) - 1} libraries in {bill_file}")

main()
