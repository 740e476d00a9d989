"""What is served is what its sources give: nobody edits a built file, or forgets to build one."""

import subprocess

from localdev.services.service import ROOT


def test_the_style_sheet_htmx_and_the_font_are_those_of_their_sources():
    built = subprocess.run(
        [ROOT / "localdev" / "install" / "web.sh", "--check"], capture_output=True, text=True, check=False, timeout=120
    )
    assert built.returncode == 0, built.stderr
