//! The words of the page, for somebody who meets them for the first time.

/// Term and explanation.
pub(super) const GLOSSARY: [(&str, &str); 13] = [
    (
        "Distance",
        "The share of the compared bits of two templates that differ, at the turn of the eye where it is smallest. Two \
         pictures of one eye are typically at 0.1 to 0.3, two eyes near 0.45. A pair with too few common usable bits has no \
         distance and is never a match.",
    ),
    ("Threshold", "Two pictures match when their distance is below it."),
    ("Genuine pair", "Two pictures of one eye, as the folders say. They should match."),
    ("Impostor pair", "Two pictures of two different eyes. They should not match."),
    (
        "Failure to enrol",
        "The share of pictures that gave no template: not readable, no eye found, or not good enough. They take part in \
         no other figure, so error rates of two systems can only be compared beside this one.",
    ),
    ("FMR, false match rate", "The share of impostor pairs that match at a threshold."),
    ("FNMR, false non-match rate", "The share of genuine pairs that do not match at a threshold."),
    (
        "FNMR at FMR x",
        "FNMR at the largest threshold at which at most the share x of the impostor pairs matched. Where there are too few \
         impostor pairs to observe such a rate, it is FNMR at the threshold without any false match.",
    ),
    (
        "EER, equal error rate",
        "The rate at the threshold where FMR and FNMR are equal, interpolated linearly between the two neighbouring \
         thresholds. One number for a whole curve; nobody would choose this threshold for a large register.",
    ),
    (
        "95 % interval",
        "How far the figure could be off had other people come: people are drawn with replacement, all their \
         pictures with them, and the figure is computed again, many times; 95 % of the results lie inside (subsets \
         bootstrap, Bolle, Ratha and Pankanti 2004). Where no error was observed the interval is empty; with n people the true \
         rate may still be about 3 / n.",
    ),
    (
        "d′ (d prime)",
        "The distance of the two means, measured in standard deviations (Daugman 2004). Larger is better separated.",
    ),
    (
        "Degrees of freedom",
        "How many tosses of a fair coin would scatter as much as the impostor distances do (Daugman 2004): mean × (1 − mean) / \
         variance. More of them means less chance that two eyes look alike.",
    ),
    (
        "Rank-1 identification rate",
        "Each picture is compared with all others; the share of pictures whose nearest one is of the same eye. Pictures \
         without a second one of the same eye are left out.",
    ),
];
