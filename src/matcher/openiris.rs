//! The measures of open-iris 1.11, for comparing results with it.
