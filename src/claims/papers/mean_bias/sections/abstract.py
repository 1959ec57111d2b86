"""What the abstract and the introduction say beyond the sections where it is audited, and why that is no claim here."""

NOT_CLAIMS = {
    "Abstract, anisotropy of trained representations": (
        "Motivation, and what other papers found: no figure of this paper's own."
    ),
}
