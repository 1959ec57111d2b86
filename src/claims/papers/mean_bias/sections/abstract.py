"""What abstract, introduction, related work and conclusion say that is no claim, and which claims judge the rest."""

NOT_CLAIMS = {
    "Abstract, anisotropy of representations and long semantic tail": (
        "Motivation, and what other papers found: no figure of this paper's own."
    ),
    "Abstract, emergence across layers and training stages": (
        "Section 3 in short: a statement about checkpoints at 10k and 170k steps, which are not published. What its "
        "mechanisms do in a trained model is audited as mean-bias.model.*, what they do by themselves as "
        "mean-bias.eq2.*, mean-bias.eq3.*, mean-bias.eq4.* and mean-bias.fig3.*."
    ),
    "Abstract, principal driver of dynamic-range inflation": (
        "Section 4 in short. Its theorems are audited as mean-bias.thm1.*, mean-bias.thm2.* and mean-bias.thm3.*; that "
        "the same energy in noise inflates the range more than it does in a mean is "
        "mean-bias.maxima.equal-energy and mean-bias.thm2.equal-energy; what the mean adds to the range of a trained "
        "model's blocks is mean-bias.model.range-mode and mean-bias.model.range-halved."
    ),
    "Abstract, most of the stability benefits of SVD-based methods": (
        "No SVD method was trained beside Averis: neither Table 1 nor Figure 5 has one, and stability is given no "
        "measure. What part of an SVD split's gain in the operand's error a removed mean has is audited as "
        "mean-bias.alternatives.recovers-most and, on a trained model, mean-bias.model.recovers-most and "
        "mean-bias.model.printed-recovers-most."
    ),
    "Abstract, narrower loss gap to BF16": (
        "No loss is printed, and neither the training runs nor their checkpoints are published. Short runs of a small "
        "decoder are audited as mean-bias.training.*, the later version's printed gaps as mean-bias.later.loss-gap."
    ),
    "Abstract, 'restores downstream performance' beyond 10B tokens": (
        "Table 1 stops at a tenth of the training run (mean-bias.section6.evaluated-share); up to there it is audited "
        "as mean-bias.table1.restored, and the later version's shortfall as mean-bias.later.downstream-gap."
    ),
    "section 1, scaling factors set by extreme magnitudes": (
        "A description of blockwise quantisation; the formats' scales are audited as mean-bias.nvfp4.scale-down and "
        "mean-bias.nvfp4.scale-up, and what one extreme does to a block as mean-bias.sec4.one-extreme-expands."
    ),
    "section 1, cost and hardware fit of spectral methods": (
        "A judgement of other papers' methods without a figure. The arithmetic of a split, of rotation and of steps "
        "towards an SVD is audited as mean-bias.cost.flops-*."
    ),
    "section 1, shared context at the level of tokens, phrases, clauses and sentences": (
        "An explanation of where a mean comes from, for which nothing is measured: no text is analysed in the paper."
    ),
    "section 1, norm of the mean in high dimension": (
        "Eq. 5 in short, audited as mean-bias.eq5.root-mean-square and mean-bias.eq5.width-changes-nothing."
    ),
    "section 1, stable low-bit training": (
        "Stability is given no measure, no run is reported as diverging, and no run is repeated. Losses of short runs "
        "are audited as mean-bias.training.*, the one comparison that is printed as mean-bias.table1.*."
    ),
    "section 7.2, frequency as the dominant driver of activation outliers": (
        "Nothing in the paper measures outliers against token frequencies. What frequencies do to the mean of an "
        "embedding is audited as mean-bias.eq2.zipf-share and mean-bias.eq2.frequencies-suffice."
    ),
    "section 7.4, low-rank whitening applied selectively": (
        "A proposal. Nothing of the kind is derived, trained or measured in the paper."
    ),
    "section 7.4, 'a single mean-subtraction achieves much of the desired conditioning'": (
        "The hypothesis of section 5 again, for which the paper ran no spectral method. Where it is so and where not "
        "is audited as mean-bias.alternatives.recovers-most and mean-bias.alternatives.any-geometry, on a trained "
        "model as mean-bias.model.recovers-svd and mean-bias.model.recovers-most-hidden."
    ),
    "section 8, 'amplifying small drift into dominant elementwise extremes'": (
        "Eq. 5 again; judged as mean-bias.eq5.width-makes-outliers and mean-bias.eq5.noise-grows-alike."
    ),
    "section 8, single source-level mean subtraction": (
        "The method of section 5 in short, which splits every product and quantises the mean as well: its equations "
        "are audited as mean-bias.averis.*, its error as mean-bias.dose.* and mean-bias.weight-gradient.*."
    ),
}
