"""The notebook in ``examples/`` runs, shows what it says it does, and is kept without outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "examples" / "audit.ipynb"


def test_it_is_kept_without_outputs() -> None:
    cells = json.loads(PATH.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 4
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of Jupyter's own
def test_it_runs_and_shows_verdicts_frame_and_figure(tmp_path: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(PATH, as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ())]
    pages = [data["text/html"] for data in shown if "text/html" in data]
    assert any("<svg" in page and "HOLDS" in page for page in pages)
    assert any("dataframe" in page for page in pages)
    assert any("image/png" in data for data in shown)
    assert not any("not as expected" in data.get("text/plain", "") for data in shown)
    assert (tmp_path / ".claimbench" / "evidence.sqlite").is_file()
