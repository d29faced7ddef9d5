//! The engine against a played queue: stories first, then random courses.

mod random;
mod stories;
mod stories_crowd;
mod stories_disk;
mod world;
