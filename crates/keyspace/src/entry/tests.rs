//! Entries behave as their parts say.
