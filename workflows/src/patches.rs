//! Every patch id, with the date from which it may be removed.
//!
//! A change to the order of steps would lead the replay of a running checkout astray. Such a change asks
//! `ctx.patched(id)` and keeps the old order beside the new one until no checkout that began before it can
//! still run: the longest deadline of a checkout plus the retention of closed workflows. Write the id here
//! as a constant, with the date of that day, and delete both when it has come.
//!
//! How a change is deployed is in `docs/how-to/change-workflows.md`.
//!
//! There is none yet: until the first release the order may change without one, the changelog says so, and the
//! histories in `temporal/histories` are recorded anew. They replay on today's code as it stands.
