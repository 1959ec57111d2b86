"""A research object crate (RO-Crate 1.2) around a result: what each file is, what made it, and what it is about.

The metadata is plain JSON-LD, flat, with a context that readers know and that nobody has to fetch to read it. Whoever
opens the folder later finds each file's size, type and SHA-256, the audit as an action with its instrument and when it
ended, and the papers. https://www.researchobject.org/ro-crate/specification/1.2/
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from claims.paper import Paper
from claims.report.numbers import counted
from claims.report.replication import revision
from claims.report.visible import visible

Entity = dict[str, Any]

#: The file that makes a folder a crate, and what it says that it keeps to.
METADATA = "ro-crate-metadata.json"
_SPECIFICATION = "https://w3id.org/ro/crate/1.2"
#: Where licences have their addresses.
_SPDX = "https://spdx.org/licenses/"
#: What made it: the mark by which a crate of ours is known.
INSTRUMENT = "#claimbench"
#: Files of a crate, with what they are and their media type.
FILES = {
    "result.json": ("The result of the audit: every claim with verdict, estimate and interval", "application/json"),
    "index.html": ("The claims, for people", "text/html"),
    "coverage.html": ("What of each paper the claims cover, for people", "text/html"),
    "record.json": ("The replication record, which claimbench verify checks", "application/json"),
    "junit.xml": ("The verdicts against those on record, for continuous integration", "application/xml"),
}


def crate(
    document: Mapping[str, Any],
    files: Mapping[str, bytes],
    *,
    papers: Mapping[str, Paper],
    ended: datetime,
    license_id: str = "",
) -> dict[str, Any]:
    """The metadata of a crate.

    Args:
        document: the result, as ``load_result`` gives it.
        files: the contents of each of ``FILES`` that the crate has.
        papers: those that are known, by their keys.
        ended: when the audit ended, with its time zone.
        license_id: SPDX identifier of the licence of the files; without one, that none is given is what it says.
    """
    keys = list(dict.fromkeys(row["paper"] for row in document["claims"]))
    ending = "Failed" if document.get("stopped") else "Completed"
    status = {"@id": f"http://schema.org/{ending}ActionStatus", "@type": "ActionStatusType", "name": ending.lower()}
    articles = [_article(key, papers.get(key)) for key in keys]
    parameters = list(_parameters(document))
    license_entity = _license(license_id)
    graph = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": _to(_SPECIFICATION),
            "about": _to("./"),
        },
        _root(document, files, articles, ended, license_entity),
        *(_file(name, data) for name, data in files.items()),
        {
            "@id": "#audit",
            "@type": "CreateAction",
            "name": f"Audit of {counted(len(document['claims']), 'claim')}",
            "description": f"tier {document['tier']}, epoch {document['epoch']}",
            "instrument": _to(INSTRUMENT),
            "object": [*map(_to_entity, articles), *map(_to_entity, parameters)],
            "result": _one_or_all([_to(name) for name in files]),
            "endTime": ended.isoformat(timespec="seconds"),
            "actionStatus": _to_entity(status),
        },
        status,
        _software(),
        *_with_authors(articles),
        *parameters,
        *_licenses(license_entity, articles),
    ]
    said = [{name: value for name, value in entity.items() if value is not None} for entity in graph]
    return {"@context": f"{_SPECIFICATION}/context", "@graph": said}


def is_ours(metadata: object) -> bool:
    """Whether metadata is that of a crate which this made."""
    graph = metadata.get("@graph") if isinstance(metadata, dict) else None
    entities = [each for each in graph if isinstance(each, dict)] if isinstance(graph, list) else []
    return any(each.get("@id") == INSTRUMENT and each.get("@type") == "SoftwareApplication" for each in entities)


def _root(
    document: Mapping[str, Any],
    files: Iterable[str],
    articles: Iterable[Entity],
    ended: datetime,
    license_entity: Entity,
) -> Entity:
    counts = ", ".join(f"{count:,} {verdict}" for verdict, count in document["counts"].items() if count)
    stopped = "; stopped before every claim was decided" if document.get("stopped") else ""
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Audit of {', '.join(article['name'] for article in articles) or 'no claims'}",
        "description": f"{counted(len(document['claims']), 'claim')}: {counts}{stopped}",
        "datePublished": ended.date().isoformat(),
        "license": _to_entity(license_entity),
        "hasPart": _one_or_all([_to(name) for name in files]),
        "about": _one_or_all([_to_entity(article) for article in articles]),
        "mentions": _to("#audit"),
    }


def _file(name: str, data: bytes) -> Entity:
    said, media = FILES[name]
    return {
        "@id": name,
        "@type": "File",
        "name": name,
        "description": said,
        "encodingFormat": media,
        "contentSize": str(len(data)),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _software() -> Entity:
    code, release = revision(), version("claimbench")
    return {
        "@id": INSTRUMENT,
        "@type": "SoftwareApplication",
        "name": "claimbench",
        "url": f"pkg:pypi/claimbench@{release}",
        "version": release,
        "softwareVersion": f"{release} (revision {code})" if code else release,
        "license": _to(f"{_SPDX}Apache-2.0"),
    }


def _parameters(document: Mapping[str, Any]) -> Iterator[Entity]:
    """What the audit was run with, and on."""
    settings = {"tier": document["tier"], "epoch": document["epoch"]}
    for kind, values in (("setting", settings), ("environment", document["environment"])):
        for name, value in values.items():
            yield {
                "@id": f"#{kind}/{quote(visible(name), safe='')}",
                "@type": "PropertyValue",
                "name": visible(name),
                "value": visible(value) if isinstance(value, str) else value,
            }


def _article(key: str, paper: Paper | None) -> Entity:
    """A paper, under its address on the web where its identifier gives one."""
    if paper is None:
        return {"@id": f"#paper/{quote(key)}", "@type": "ScholarlyArticle", "name": key}
    made: Entity = {
        "@id": _address(paper) or f"#paper/{quote(key)}",
        "@type": "ScholarlyArticle",
        "name": visible(paper.title),
        "version": None if paper.version is None else str(paper.version),
        "identifier": _one_or_all([visible(each) for each in (paper.identifier, paper.number) if each]),
        "license": _to(quote(paper.license, safe=":/?#[]@!$&'()*+,;=%")) if paper.license else None,
        "author": [visible(name) for name in paper.authors.replace(" and ", ", ").split(", ") if name.strip()] or None,
    }
    return {name: value for name, value in made.items() if value is not None}


def _address(paper: Paper) -> str:
    kind, _, name = paper.identifier.partition(":")
    if kind.lower() == "arxiv" and name:
        return f"https://arxiv.org/abs/{quote(name)}{'' if paper.version is None else f'v{paper.version}'}"
    return f"https://doi.org/{quote(name)}" if kind.lower() == "doi" and name else ""


def _with_authors(articles: Sequence[Entity]) -> Iterator[Entity]:
    """Articles, and a person for each of their authors; who wrote several is one person."""
    names = dict.fromkeys(name for article in articles for name in article.get("author", ()))
    people = {name: {"@id": f"#person/{quote(name, safe='')}", "@type": "Person", "name": name} for name in names}
    for article in articles:
        authors = [_to_entity(people[name]) for name in article.get("author", ())]
        yield article | {"author": _one_or_all(authors)}
    yield from people.values()


def _licenses(of_files: Entity, articles: Iterable[Entity]) -> Iterator[Entity]:
    """Each licence that something names, once."""
    found = {each["@id"]: each for each in (of_files, _license("Apache-2.0"))}
    for article in articles:
        if "license" in article:
            said = {"name": article["license"]["@id"], "description": f"The licence of {article['name']}."}
            found.setdefault(said["name"], {"@id": said["name"], "@type": "CreativeWork"} | said)
    yield from found.values()


def _license(license_id: str) -> Entity:
    if not license_id:
        said = "Nobody has said under which licence these files may be used."
        return {"@id": "#license", "@type": "CreativeWork", "name": "No licence given", "description": said}
    return {
        "@id": f"{_SPDX}{quote(license_id)}",
        "@type": "CreativeWork",
        "name": license_id,
        "description": f"The licence with the SPDX identifier {license_id}.",
    }


def _one_or_all(values: list[Any]) -> Any:
    """A list, or what is alone in it: the form that the specification recommends; None for nothing."""
    return values[0] if len(values) == 1 else values or None


def _to(name: str) -> Entity:
    return {"@id": name}


def _to_entity(entity: Entity) -> Entity:
    return _to(entity["@id"])
