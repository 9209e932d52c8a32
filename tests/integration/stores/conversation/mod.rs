//! The conversations: what is stored, who sees it, and that a cache changes neither.
